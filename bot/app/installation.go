package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"refreshbot/bot/check"
	"refreshbot/bot/config"
	"refreshbot/bot/redact"
	"refreshbot/commands"
	"refreshbot/jobs/entra"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"
)

// errFailed ends a check whose table says what failed.
var errFailed = errors.New("the configuration does not work yet; the table says what to do")

// Check tries everything and prints a table. It changes nothing at Slack, LCS or F&O; a person's sign-in that is used
// may be renewed in the store.
func Check(ctx context.Context, file string, stdout io.Writer) (err error) {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	var records entra.Records
	if cfg.LCS.TokenKey.IsSet() { // a person's sign-in is kept in the store
		if _, absent := os.Stat(cfg.Store.Path); absent == nil {
			record, locked := bolt.Open(ctx, cfg.Store.Path, bolt.Options{})
			if locked != nil {
				return fmt.Errorf("the sign-in to LCS is kept in the store; while the bot runs, /refresh check in Slack tries it: %w", locked)
			}
			defer func() { err = errors.Join(err, record.Close()) }()
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

// refusal tells the admins that the changed configuration is not in use, and why. A file can be wrong from top to bottom:
// whoever corrects it begins with the first few lines of that.
func refusal(why error) string {
	const shown = 10
	lines := strings.Split(redact.Text(why.Error()), "\n")
	if more := len(lines) - shown; more > 0 {
		lines = append(lines[:shown], fmt.Sprintf("... and %d more: /refresh config shows them.", more))
	}
	return "The changed configuration of refreshbot is refused as a whole, and the one from before stays in use. Correct the file: it is read again once it changes.\n" +
		strings.Join(lines, "\n")
}
