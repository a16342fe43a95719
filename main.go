// Command refreshbot is a Slack bot that refreshes a Dynamics 365 Finance and Operations sandbox from production
// and prepares it for the people who work there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones in an image that has none

	"refreshbot/bot/app"
	"refreshbot/bot/demo"
	"refreshbot/bot/redact"
	"refreshbot/jobs/refresh"
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
		return app.Run(ctx, file, log, hidden.Hide)
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
			err = app.Check(ctx, *file, stdout)
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
		run, ok := app.Offline(args[0], flags, args[1:], stdout, stderr)
		if !ok {
			return 2
		}
		err = run(ctx)
	case "version":
		_, err = fmt.Fprintln(stdout, "refreshbot", app.Version())
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
