// Package app puts the bot together from a configuration, runs it, and does what else is asked for on the command line.
// It is the one place that builds things, and decides nothing that its parts could.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"refreshbot/bot/check"
	"refreshbot/bot/config"
	"refreshbot/store/bolt"
)

// Version is that of the module, or the commit it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return v
}

// errReload ends a life of the bot because the next one begins with another configuration.
var errReload = errors.New("the configuration has changed")

// Run is the bot: it returns when ctx ends, or with what keeps it from beginning. A changed configuration is taken up
// by stopping and beginning anew within the process, which is what the bot is made to survive at any time: nothing has
// to be told apart into what can be changed while it runs and what cannot.
// hide keeps secrets out of the log.
func Run(ctx context.Context, file string, log *slog.Logger, hide func(secrets ...string)) error {
	cfg, watcher, err := config.Watch(file)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	refusals := make(chan string, 1) // for the admins, who are told by the life that goes on
	refused := func(err error) {
		select {
		case <-refusals: // it comes in the place of one that nobody was told of yet
		default:
		}
		refusals <- refusal(err)
		log.Error("the changed configuration is refused and the old one stays in use; correct it, or send SIGHUP to have it tried again", "err", err)
	}
	var worked *config.Config // the latest with which the bot got ready
	for {
		hide(cfg.Secrets()...)
		life, end := context.WithCancelCause(ctx)
		next := make(chan *config.Config, 1)
		go func() {
			next <- watcher.Next(life, hup, func(cfg *config.Config) error { return acceptable(life, cfg) }, refused)
			end(errReload)
		}()
		err := live(life, cfg, watcher, refusals, func() { worked = cfg }, log)
		reload := errors.Is(context.Cause(life), errReload)
		end(nil)
		changed := <-next
		switch {
		case ctx.Err() != nil:
			return err
		case reload:
			log.Info("the configuration has changed")
			cfg = changed
		case worked != nil && worked != cfg:
			watcher.Refuse(err)
			refused(err)
			cfg = worked
		default:
			return err
		}
	}
}

// acceptable says what keeps a bot with this configuration from working, beyond what reading it found.
func acceptable(ctx context.Context, cfg *config.Config) error {
	out, err := connect(cfg, nil)
	if err != nil {
		return err
	}
	if _, err := targets(cfg); err != nil {
		return err
	}
	return slackWorks(ctx, cfg, out)
}

// errDefect stands for a panic that was recovered and logged. When it ends the process, the next one takes up what this
// one left, as after any other end.
var errDefect = errors.New("a defect in refreshbot; the log has the stack")

// guarded is part, with a panic as its error. A panic that nobody recovers would be written past the log, in which no
// secret stands, and would leave the store open.
func guarded(ctx context.Context, log *slog.Logger, part func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "a part of the bot panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errDefect
		}
	}()
	return part(ctx)
}

// steady begins a part anew when it has panicked.
func steady(log *slog.Logger, part func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			err := guarded(ctx, log, part)
			if !errors.Is(err, errDefect) || ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
			}
		}
	}
}

// admit refuses to begin with a Slack setup that cannot work, since nobody would ever be asked anything. A
// refresh that is under way matters more: then the bot goes on, says that it is not ready, and shows everything
// once Slack lets it.
func admit(ctx context.Context, cfg *config.Config, out *outside, record *bolt.Store, log *slog.Logger) error {
	wrong := slackWorks(ctx, cfg, out)
	if wrong == nil {
		return nil
	}
	open, err := record.Open(ctx)
	if len(open) == 0 && err == nil {
		return wrong
	}
	log.Error("Slack does not work as configured; going on for the refreshes that are under way", "problems", wrong)
	return nil
}

// slackWorks returns what is wrong with the Slack setup for good, a line each.
func slackWorks(ctx context.Context, cfg *config.Config, out *outside) error {
	var wrong []string
	for _, r := range check.Slack(ctx, out.slackOptions(cfg)) {
		if !r.OK && !r.Passing {
			wrong = append(wrong, fmt.Sprintf("Slack, %s: %s", r.Name, r.Text))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "\n"))
}
