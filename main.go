// Command refreshbot is a Slack bot that refreshes a Dynamics 365 Finance and Operations sandbox from production
// and prepares it for the people who work there.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // time zones in an image that has none

	"refreshbot/bot"
	"refreshbot/bot/check"
	"refreshbot/bot/config"
	"refreshbot/bot/demo"
	"refreshbot/bot/notice"
	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/blackout"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/entra"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/finops"
	"refreshbot/jobs/lcs"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"

	"github.com/slack-go/slack"
)

const usage = `refreshbot takes an F&O sandbox from "we need fresh data" to "people are working in it", from Slack.

  refreshbot demo  [--addr 127.0.0.1:8080] [--auto] [--speed N] [--mfa]   everything simulated, with a page to play with
  refreshbot run   --config refreshbot.yml                        the bot
  refreshbot check --config refreshbot.yml                        try every credential and permission
  refreshbot version

While the bot is stopped:

  refreshbot verify  --config refreshbot.yml | --file store.db    check the store, or a backup of it
  refreshbot export  --config refreshbot.yml | --file store.db    every refresh with its journal, as JSON lines
  refreshbot restore --config refreshbot.yml [--from file]        put the newest sound backup, or that one, in its place
  refreshbot release --config refreshbot.yml --yes <refresh>      give the target of a damaged refresh free
  refreshbot compact --config refreshbot.yml                      make the file of the store smaller
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command and returns the exit code: 0 for done, 1 for failed, 2 for a command line that makes
// no sense.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = io.WriteString(stderr, usage)
		return 2
	}
	flags := flag.NewFlagSet("refreshbot "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	hidden := redact.NewWriter(stderr)
	stderr = hidden
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	runBot := func(ctx context.Context, file string, log *slog.Logger) error {
		return run(ctx, file, log, hidden.Hide)
	}
	var err error
	switch args[0] {
	case "run", "check":
		file := flags.String("config", "refreshbot.yml", "the configuration `file`")
		if !parsed(flags, args[1:], stderr) {
			return 2
		}
		if args[0] == "run" {
			err = runBot(ctx, *file, log)
		} else {
			err = checkAll(ctx, *file, stdout)
		}
	case "demo":
		o := demo.Options{Out: stdout, Run: runBot}
		flags.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "where the page is served")
		flags.BoolVar(&o.Auto, "auto", false, "play everybody, print the channel, and check how the simulated target ended")
		flags.BoolVar(&o.MFA, "mfa", false, "the LCS account has multi-factor authentication: an admin signs it in with /refresh sign-in")
		flags.Float64Var(&o.Speed, "speed", 0, "how many times faster than real the simulated cloud runs; 0 chooses")
		if !parsed(flags, args[1:], stderr) {
			return 2
		}
		err = demo.Play(ctx, o)
	case "verify", "export", "restore", "release", "compact":
		run, ok := offline(args[0], flags, args[1:], stdout, stderr)
		if !ok {
			return 2
		}
		err = run(ctx)
	case "version":
		_, err = fmt.Fprintln(stdout, "refreshbot", version())
	case "help", "-h", "--help":
		_, err = io.WriteString(stdout, usage)
	default:
		_, _ = fmt.Fprintf(stderr, "refreshbot: there is no command %q\n\n%s", args[0], usage)
		return 2
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "refreshbot:", message(err))
		return 1
	}
	return 0
}

func parsed(flags *flag.FlagSet, args []string, stderr io.Writer) bool {
	if err := flags.Parse(args); err != nil {
		return false // the flag set has said why
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "%s: %q is too much; see refreshbot help\n", flags.Name(), flags.Arg(0))
		return false
	}
	return true
}

// message is the sentence for whoever started the program; the chain is in the log.
func message(err error) string {
	if e, ok := errors.AsType[*refresh.Error](err); ok {
		return e.Msg
	}
	return err.Error()
}

func version() string {
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

// run is the bot: it returns when ctx ends, or with what keeps it from beginning. A changed configuration is taken up
// by stopping and beginning anew within the process, which is what the bot is made to survive at any time: nothing has
// to be told apart into what can be changed while it runs and what cannot.
// hide keeps secrets out of the log.
func run(ctx context.Context, file string, log *slog.Logger, hide func(secrets ...string)) error {
	cfg, watcher, err := config.Watch(file)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	refused := func(err error) {
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
		err := live(life, cfg, watcher, func() { worked = cfg }, log)
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

// live is one life of the bot, with one configuration, from opening the store to closing it. It calls ready once the
// bot is, and returns the cause of ctx's end unless that is a plain stop.
func live(ctx context.Context, cfg *config.Config, watcher *config.Watcher, ready func(), log *slog.Logger) (err error) {
	health := bot.NewHealth()
	disk := newDisk(health)
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
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("http.addr: cannot listen on %s; choose another address: %w", cfg.HTTP.Addr, err)
	}
	targets, err := targets(cfg)
	if err != nil {
		return err
	}

	var slackBot *bot.Bot
	people := bot.NewDirectory(out.slack)
	calendar, err := blackout.New(cfg.Blackouts, cfg.TimeZone, record)
	if err != nil {
		return err
	}
	steps := out.steps(cfg, record, people)
	steps.Calendar = calendar
	performer := phases.New(steps)
	machine := engine.New(engine.Options{
		Store: record, Performer: performer, Log: log, Committed: func(id refresh.ID) { slackBot.Committed(id) },
		LeftAlone: health.LeftAlone,
	})
	backups := newBackups(cfg, record, health, log, func(ctx context.Context, text string) { slackBot.TellAdmins(ctx, text) })
	news := told(func(ctx context.Context, n refresh.News) error { return slackBot.Tell(ctx, n) })
	answers, err := commands.New(commands.Options{
		Engine: machine, Record: record, Directory: people, Rehearsal: performer, Targets: targets,
		Calendar: calendar, Zone: cfg.TimeZone, News: news,
		Sources: sources(cfg), Admins: cfg.Admins, Next: func(string) time.Time { return time.Time{} },
		Installation: installation{cfg, watcher, out, backups},
	})
	if err != nil {
		return err
	}
	timetable, err := schedule.New(schedule.Options{
		Entries: entries(cfg), Zone: cfg.TimeZone, Asker: answers, Records: record, Log: log,
		News: news,
	})
	if err != nil {
		return err
	}
	answers.Next, answers.Schedules = timetable.Next, timetable
	slackBot = bot.New(bot.Options{
		API: out.slack, Handler: answers, Journal: record, Records: record, Health: health, Log: log,
		NewsIn: channels(cfg),
		View:   view.Options{LCSLink: out.lcs.Link, Zone: cfg.TimeZone}, Transport: out.transport,
		Notices: notices(cfg),
		Admins:  cfg.Admins, Fallback: cfg.Slack.Channel, Settle: cfg.Slack.Settle, Retry: cfg.Slack.Settle / 4, Pace: cfg.Slack.Pace,
	})

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := &http.Server{Handler: health.Handler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError)}
	var parts sync.WaitGroup
	start := func(part func(context.Context) error) {
		parts.Go(func() {
			if err := guarded(ctx, log, part); err != nil {
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
	start(machine.Run)
	start(func(ctx context.Context) error { return disk.watch(ctx, record) })
	if backups != nil {
		start(backups.Run)
	}
	start(func(ctx context.Context) error {
		select {
		case <-machine.Recovered():
			health.Recovered()
		case <-ctx.Done():
			return nil
		}
		// Nobody is listened to before every open refresh has been taken up again.
		start(slackBot.Run)
		start(steady(log, timetable.Run))
		start(steady(log, func(ctx context.Context) error {
			out.user.Keep(ctx, func(text string) {
				log.Warn("a person has to sign in to LCS", "why", text)
				slackBot.TellAdmins(ctx, text)
			})
			return nil
		}))
		select {
		case <-health.Ready():
			ready()
			log.Info("ready", "version", version(), "http", listener.Addr().String())
		case <-ctx.Done():
		}
		return nil
	})
	<-ctx.Done()
	log.Info("stopping")
	if err := server.Close(); err != nil {
		log.Warn("stop the health pages", "err", err)
	}
	parts.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
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

// errFailed ends a check whose table says what failed.
var errFailed = errors.New("the configuration does not work yet; the table says what to do")

// checkAll tries everything and prints a table. It changes nothing anywhere.
func checkAll(ctx context.Context, file string, stdout io.Writer) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	var records entra.Records
	if cfg.LCS.TokenKey.IsSet() { // a person's sign-in is kept in the store
		if _, err := os.Stat(cfg.Store.Path); err == nil {
			record, err := bolt.Open(ctx, cfg.Store.Path, bolt.Options{})
			if err != nil {
				return fmt.Errorf("the sign-in to LCS is kept in the store; while the bot runs, /refresh check in Slack tries it: %w", err)
			}
			defer func() { _ = record.Close() }() // nothing was written
			records = record
		}
	}
	out, err := connect(cfg, records)
	if err != nil {
		return err
	}
	list := checks(ctx, cfg, out, cfg.Targets())
	if err := check.Print(stdout, list); err != nil {
		return err
	}
	if !check.Passed(list) {
		return errFailed
	}
	return nil
}

// checks tries what refreshes of the targets need.
func checks(ctx context.Context, cfg *config.Config, out *outside, targets []*config.Environment) []check.Result {
	list := check.Slack(ctx, out.slackOptions(cfg))
	_, err := out.user.Token(ctx)
	list = append(list, check.Try("Entra", "LCS user "+cfg.LCS.Username, "signed in", err))
	performer := phases.New(out.steps(cfg, nil, nil))
	for _, e := range targets {
		source, _ := cfg.Environment(e.Refresh.From)
		for _, env := range []*config.Environment{source, e} {
			_, err := out.app.Token(ctx, env.URL)
			list = append(list, check.Try("Entra", "F&O app for "+env.Name, "signed in", err))
		}
		asked := refresh.Refresh{Source: remembered(source), Target: remembered(e)}
		list = append(list, check.Preflight(source.Name, e.Name, performer.Perform(ctx, asked, refresh.Step{Spec: refresh.Spec{Kind: refresh.KindPreflight}}))...)
		companion, err := out.companions[e.Name].Status(ctx)
		list = append(list, check.Companion(source.Name, e.Name, companion.Version, err))
	}
	return list
}

// installation answers what admins ask about this installation.
type installation struct {
	cfg     *config.Config
	watcher *config.Watcher
	out     *outside
	backups *backup.Keeper // nil: none are configured
}

func (i installation) Check(ctx context.Context, target string) (table string, failed int, err error) {
	targets := i.cfg.Targets()
	if e, ok := i.cfg.Environment(target); ok {
		targets = []*config.Environment{e}
	}
	list := checks(ctx, i.cfg, i.out, targets)
	var text strings.Builder
	err = check.Print(&text, list)
	return text.String(), check.Failed(list), err
}

func (i installation) SignIn(ctx context.Context) (commands.SignIn, error) {
	code, finish, err := i.out.user.SignIn(ctx)
	if err != nil {
		return commands.SignIn{}, err
	}
	return commands.SignIn{Account: i.cfg.LCS.Username, Code: code.User, Page: code.URL, Expires: code.Expires,
		Finish: func(ctx context.Context) (time.Time, error) {
			lapse, err := finish(ctx)
			return lapse.At, err
		}}, nil
}

func (i installation) Config() (text, refused string, err error) {
	if why := i.watcher.Refused(); why != nil {
		refused = why.Error()
	}
	text, err = i.cfg.Show()
	return text, refused, err
}

// outside is every client of an outside service.
type outside struct {
	transport    *http.Transport
	slack        *slack.Client
	user         *entra.User
	app          *entra.App
	lcs          *lcs.Client
	environments map[string]phases.Environment
	companions   map[string]*finops.Companion
	web          *http.Client
}

// steps are what the steps of a refresh work with.
func (out *outside) steps(cfg *config.Config, journal phases.Journal, people phases.People) phases.Options {
	companions := map[string]phases.Companion{}
	for name, c := range out.companions {
		companions[name] = c
	}
	return phases.Options{
		Copier: out.lcs, Environments: out.environments, Companions: companions, AppID: cfg.FinOps.ClientID,
		StatusPoll: cfg.LCS.Poll, AnswerPoll: cfg.FinOps.Poll, Journal: journal, People: people, Secret: config.Resolve, HTTP: out.web,
	}
}

// connect makes the clients. It sends nothing. records is where a person's sign-in is kept; nil: there is none.
func connect(cfg *config.Config, records entra.Records) (*outside, error) {
	roots, err := cfg.TLS.RootCAs()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	web := &http.Client{Transport: failpoint.Transport(transport)}

	out := &outside{transport: transport, web: web, environments: map[string]phases.Environment{}, companions: map[string]*finops.Companion{}}
	out.slack = bot.NewAPI(cfg.Slack.BotToken.Reveal(), cfg.Slack.AppToken.Reveal(), cfg.Slack.APIURL, failpoint.Transport(transport))
	account := entra.UserOptions{
		Authority: cfg.Entra.Authority, Tenant: cfg.Entra.Tenant, ClientID: cfg.LCS.ClientID, Username: cfg.LCS.Username,
		Records: records, Lasts: cfg.LCS.SignInLasts, Scope: entra.LCSScope(cfg.LCS.APIURL), HTTP: web,
	}
	if cfg.LCS.TokenKey.IsSet() {
		account.TokenKey = revealed(cfg.LCS.TokenKey)
	} else {
		account.Password = revealed(cfg.LCS.Password)
	}
	if out.user, err = entra.NewUser(account); err != nil {
		return nil, err
	}
	app := entra.AppOptions{
		Authority: cfg.Entra.Authority, Tenant: cfg.Entra.Tenant, ClientID: cfg.FinOps.ClientID,
		FederatedTokenFile: cfg.FinOps.FederatedToken, HTTP: web,
	}
	if cfg.FinOps.ClientSecret.IsSet() {
		app.ClientSecret = revealed(cfg.FinOps.ClientSecret)
	}
	if cfg.FinOps.Certificate != "" {
		app.Certificate = func() (string, error) {
			pem, err := os.ReadFile(cfg.FinOps.Certificate)
			return string(pem), err
		}
	}
	if out.app, err = entra.NewApp(app); err != nil {
		return nil, err
	}
	out.lcs = lcs.New(lcs.Options{BaseURL: cfg.LCS.APIURL, ProjectID: int(cfg.LCS.Project), Token: out.user.Token, Forget: out.user.Forget, HTTP: web, Timeout: cfg.LCS.Timeout})
	for _, e := range cfg.Environments {
		client := finops.New(finops.Options{
			URL: e.URL, HTTP: web, Timeout: cfg.FinOps.Timeout, Forget: out.app.Forget,
			Token: func(ctx context.Context) (string, error) { return out.app.Token(ctx, e.URL) },
		})
		out.environments[e.Name], out.companions[e.Name] = client, client.Companion()
	}
	return out, nil
}

func revealed(s config.Secret) func() (string, error) {
	return func() (string, error) { return s.Reveal(), nil }
}

// slackOptions gathers every channel and user group that the configuration names.
func (out *outside) slackOptions(cfg *config.Config) check.SlackOptions {
	o := check.SlackOptions{
		BotToken: cfg.Slack.BotToken.Reveal(), AppToken: cfg.Slack.AppToken.Reveal(), APIURL: cfg.Slack.APIURL, Transport: out.transport,
	}
	for _, e := range cfg.Targets() {
		o.Channels = append(o.Channels, e.Refresh.Channel)
		named := slices.Concat(e.Refresh.Requesters, e.Refresh.Approve.By, e.Refresh.SignOff.By)
		for _, a := range e.Refresh.Notify {
			o.Channels, named = append(o.Channels, a.Channel), append(named, a.Mention)
		}
		if e.Refresh.Open != nil {
			named = append(named, e.Refresh.Open.By...)
		}
		named = append(named, e.Refresh.Users.SlackGroup)
		for _, id := range named {
			if strings.HasPrefix(id, "S") {
				o.Groups = append(o.Groups, id)
			}
		}
	}
	slices.Sort(o.Channels)
	slices.Sort(o.Groups)
	o.Channels, o.Groups = slices.Compact(o.Channels), slices.Compact(o.Groups)
	return o
}

// targets turns the configuration into what can be asked for. A plan is made anew for each request from this
// template, so a running refresh keeps its own.
func targets(cfg *config.Config) (map[string]commands.Target, error) {
	all := map[string]commands.Target{}
	for _, e := range cfg.Targets() {
		plan, err := phases.Plan(e.Refresh.Recipe())
		if err != nil {
			return nil, err
		}
		source, _ := cfg.Environment(e.Refresh.From)
		all[e.Name] = commands.Target{
			Requesters: e.Refresh.Requesters,
			Request: refresh.Request{
				Source: remembered(source), Target: remembered(e), Channel: e.Refresh.Channel,
				Trouble: e.Refresh.Approve.By, Plan: plan,
				Settings: refresh.Settings{
					Remind: &cfg.Reminders,
					Notice: e.Refresh.Notice, Downtime: e.Refresh.Downtime, Postpone: e.Refresh.Postpone,
					Settle: cfg.LCS.Settle, Retry: cfg.FinOps.Poll, Notify: e.Refresh.Users.Notify,
				},
			},
		}
	}
	return all, nil
}

func remembered(e *config.Environment) refresh.Environment {
	return refresh.Environment{Name: e.Name, URL: e.URL, LCS: e.LCSEnvironment}
}

// notices says who of the users hears about which environment.
func notices(cfg *config.Config) bot.Notices {
	n := bot.Notices{
		Speaker:   notice.Speaker{Texts: cfg.Texts, Quiet: cfg.QuietHours, Zone: cfg.TimeZone, Escape: view.Escape},
		Audiences: map[string][]notice.Audience{},
	}
	for _, e := range cfg.Targets() {
		n.Audiences[e.Name] = e.Refresh.Notify
	}
	return n
}

func sources(cfg *config.Config) []string {
	var names []string
	for _, e := range cfg.Environments {
		if e.Refresh == nil {
			names = append(names, e.Name)
		}
	}
	return names
}

// told tells news.
type told func(ctx context.Context, n refresh.News) error

func (f told) Tell(ctx context.Context, n refresh.News) error { return f(ctx, n) }

// channels finds where a target is refreshed.
func channels(cfg *config.Config) func(target string) (string, bool) {
	return func(target string) (string, bool) {
		e, ok := cfg.Environment(target)
		if !ok || e.Refresh == nil {
			return "", false
		}
		return e.Refresh.Channel, true
	}
}

func entries(cfg *config.Config) []schedule.Entry {
	var list []schedule.Entry
	for _, e := range cfg.Targets() {
		if s := e.Refresh.Schedule; s != nil {
			list = append(list, schedule.Entry{
				Target: e.Name, Cron: s.Cron, Missed: schedule.Missed(s.Missed), Within: s.Within, Ask: s.Ask, Blackout: schedule.InBlackout(s.Blackout),
			})
		}
	}
	return list
}
