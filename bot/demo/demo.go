// Package demo plays the whole thing on one machine: a simulated Slack with a page, a simulated Microsoft cloud,
// and between them the normal bot on a normal configuration file. Only the simulators are not real; everything
// that passes between them and the bot goes over the real protocols.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
)

const (
	// unhurried is one simulated minute a second: a refresh takes a bit over a minute.
	unhurried = 60
	// hurried is for Auto: nobody is watching.
	hurried = 900
)

// Options say how to play.
type Options struct {
	Addr  string  // of the page
	Auto  bool    // play everybody, then end
	MFA   bool    // the LCS account has a second factor, so an admin signs it in
	Speed float64 // how many times faster than real; 0 chooses
	Out   io.Writer
	// Run is the bot: it reads the configuration file and returns when ctx ends.
	Run func(ctx context.Context, file string, log *slog.Logger) error
}

// Play starts the simulators and the bot. It returns when ctx ends, or with Auto when the refresh has. The error
// then says how the simulated target differs from what it should be.
func Play(ctx context.Context, o Options) (err error) {
	if o.Speed < 0 {
		return fmt.Errorf("--speed %g: it must be more than 0", o.Speed)
	}
	if o.Speed == 0 {
		o.Speed = unhurried
		if o.Auto {
			o.Speed = hurried
		}
	}
	if o.Auto && o.MFA {
		return errors.New("--auto plays nobody who could enter a code: leave out --mfa")
	}
	if o.Auto {
		o.Addr = "127.0.0.1:0" // nobody visits the page
	}
	cloud, err := cloudsim.Start(cloudsim.Options{Speed: o.Speed})
	if err != nil {
		return fmt.Errorf("start the simulated cloud: %w", err)
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	cloud.InstallCompanion("uat", true)
	cloud.RequireMFA(o.MFA)
	broken := &troubles{cloud: cloud, last: map[string]bool{}}
	people := workspace(o.Addr, func() []slacksim.PanelSection { return append(panel(cloud), broken.section()) })
	people.Pressed = func(action string) {
		if !broken.press(action) {
			cloud.EnterDeviceCode(action, cloud.LCSUser())
		}
	}
	people.NoRateLimits = o.Auto || o.Speed > unhurried // one message a second is for eyes
	slack, err := slacksim.Start(people)
	if err != nil {
		return fmt.Errorf("start the simulated Slack on %s; --addr chooses another address: %w", o.Addr, err)
	}
	defer func() { err = errors.Join(err, slack.Close()) }()
	dir, err := os.MkdirTemp("", "refreshbot-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file, err := configure(dir, slack, cloud, o)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	// The bot logs into a file, since the terminal is for people.
	log, err := os.OpenFile(filepath.Join(dir, "refreshbot.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()

	ctx, stop := context.WithCancelCause(ctx)
	var bot sync.WaitGroup
	bot.Go(func() {
		if err := o.Run(ctx, file, slog.New(slog.NewJSONHandler(log, nil))); err != nil {
			stop(fmt.Errorf("the bot stopped: %w", err))
		}
	})
	defer func() {
		stop(nil)
		bot.Wait()
	}()
	if err := slack.Wait(ctx, func() bool { return slack.Connections() > 0 }); err != nil {
		return because(ctx, err)
	}
	if o.Auto {
		return because(ctx, auto(ctx, o, slack, cloud))
	}
	_, err = fmt.Fprintf(o.Out, "refreshbot demo: everything on this page is simulated, and the bot is real.\n\n  open   %s\n  config %s\n  log    %s\n\nType /refresh uat there, then switch to an approver. Ctrl-C ends it.\n", slack.URL(), file, log.Name())
	if err != nil {
		return err
	}
	<-ctx.Done()
	return because(ctx, nil)
}

// because prefers the reason why the bot ended over what its end broke.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// scaled turns a real duration into a simulated one.
func scaled(d time.Duration, speed float64) time.Duration {
	return max(time.Duration(float64(d)/speed), 20*time.Millisecond).Round(time.Millisecond)
}
