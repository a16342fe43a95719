package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/config"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/blackout"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"
)

// live is one life of the bot, with one configuration, from opening the store to closing it. It tells the admins of
// refused configurations, calls ready once the bot is, and returns the cause of ctx's end unless that is a plain stop.
func live(ctx context.Context, cfg *config.Config, watcher *config.Watcher, refusals <-chan string, ready func(), log *slog.Logger) (err error) {
	health := bot.NewHealth()
	disk := newDisk(health, log)
	record, err := bolt.Open(ctx, cfg.Store.Path, bolt.Options{Wrote: disk.wrote})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, record.Close()) }()
	out, err := connect(cfg, record)
	if err != nil {
		return err
	}
	if err := admit(ctx, cfg, out, record, log); err != nil {
		return err
	}
	l := &life{log: log, health: health, disk: disk, record: record, out: out}
	if err := l.assemble(cfg, watcher); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("http.addr: cannot listen on %s; choose another address: %w", cfg.HTTP.Addr, err)
	}
	return l.run(ctx, listener, refusals, ready)
}

// life is what a bot with one configuration is made of.
type life struct {
	log    *slog.Logger
	health *bot.Health
	disk   *disk
	record *bolt.Store
	out    *outside

	machine   *engine.Engine
	timetable *schedule.Schedule
	slack     *bot.Bot
	backups   *backup.Keeper // nil: none are taken
}

// assemble makes the parts and ties them together. It starts none.
func (l *life) assemble(cfg *config.Config, watcher *config.Watcher) error {
	targets, err := targets(cfg)
	if err != nil {
		return err
	}
	calendar, err := blackout.New(cfg.Blackouts, cfg.TimeZone, l.record)
	if err != nil {
		return err
	}
	people := bot.NewDirectory(l.out.slack)
	steps := l.out.steps(cfg, l.record, people)
	steps.Calendar = calendar
	performer := phases.New(steps)
	l.machine = engine.New(engine.Options{
		Store: l.record, Performer: performer, Log: l.log, Committed: func(id refresh.ID) { l.slack.Committed(id) },
		LeftAlone: func(err error) { l.slack.LeftAlone(err) }, Stuck: func(id refresh.ID, err error) { l.slack.Stuck(id, err) },
	})
	l.backups = newBackups(cfg, l.record, l.health, l.log, func(ctx context.Context, text string) { l.slack.TellAdmins(ctx, text) })
	news := told(func(ctx context.Context, n refresh.News) error { return l.slack.Tell(ctx, n) })
	answers, err := commands.New(commands.Options{
		Engine: l.machine, Record: l.record, Directory: people, Rehearsal: performer, Starts: performer, Targets: targets,
		Calendar: calendar, Zone: cfg.TimeZone, News: news, Sources: sources(cfg), Admins: cfg.Admins,
		Installation: installation{cfg, watcher, l.out, l.backups},
	})
	if err != nil {
		return err
	}
	l.timetable, err = schedule.New(schedule.Options{
		Entries: entries(cfg), Zone: cfg.TimeZone, Asker: answers, Records: l.record, Log: l.log, News: news,
	})
	if err != nil {
		return err
	}
	answers.Next, answers.Schedules = l.timetable.Next, l.timetable
	l.slack = bot.New(bot.Options{
		API: l.out.slack, Handler: answers, Journal: l.record, Records: l.record, Health: l.health, Log: l.log,
		NewsIn: channels(cfg), Notices: notices(cfg),
		View: view.Options{LCSLink: l.out.lcs.Link, Zone: cfg.TimeZone}, Transport: l.out.transport,
		Admins: cfg.Admins, People: people, Fallback: cfg.Slack.Channel,
		Settle: cfg.Slack.Settle, Retry: cfg.Slack.Settle / 4, Pace: cfg.Slack.Pace,
	})
	return nil
}

// run has every part run until ctx ends or one of them fails.
func (l *life) run(ctx context.Context, listener net.Listener, refusals <-chan string, ready func()) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := &http.Server{Handler: l.health.Handler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelError)}
	var parts sync.WaitGroup
	start := func(part func(context.Context) error) {
		parts.Go(func() {
			if err := guarded(ctx, l.log, part); err != nil {
				stop(err)
			}
		})
	}
	start(func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	start(l.machine.Run)
	start(func(ctx context.Context) error { return l.disk.watch(ctx, l.record) })
	if l.backups != nil {
		start(l.backups.Run)
	}
	start(func(ctx context.Context) error {
		select {
		case <-l.machine.Recovered():
			l.health.Recovered()
		case <-ctx.Done():
			return nil
		}
		// Nobody is listened to before every open refresh has been taken up again.
		start(l.slack.Run)
		start(steady(l.log, l.timetable.Run))
		start(func(ctx context.Context) error { return l.passOn(ctx, refusals) })
		start(steady(l.log, l.staySignedIn))
		select {
		case <-l.health.Ready():
			ready()
			l.log.Info("ready", "version", Version(), "http", listener.Addr().String())
		case <-ctx.Done():
		}
		return nil
	})
	<-ctx.Done()
	l.log.Info("stopping")
	if err := server.Close(); err != nil {
		l.log.Warn("stop the health pages", "err", err)
	}
	parts.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// passOn tells the admins of refused configurations.
func (l *life) passOn(ctx context.Context, refusals <-chan string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case text := <-refusals:
			l.slack.TellAdmins(ctx, text)
		}
	}
}

// staySignedIn keeps the sign-in to LCS alive, and tells the admins when a person has to renew it.
func (l *life) staySignedIn(ctx context.Context) error {
	l.out.user.Keep(ctx, func(text string) {
		l.log.Warn("a person has to sign in to LCS", "why", text)
		l.slack.TellAdmins(ctx, text)
	})
	return nil
}

// told tells news.
type told func(ctx context.Context, n refresh.News) error

func (f told) Tell(ctx context.Context, n refresh.News) error { return f(ctx, n) }
