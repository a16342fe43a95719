package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"refreshbot/bot/config"
	"refreshbot/jobs/refresh"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"
)

// Offline reads the command line of a command about the store, which works on its file while the bot is stopped.
func Offline(command string, flags *flag.FlagSet, args []string, stdout, stderr io.Writer) (run func(context.Context) error, ok bool) {
	c := &offlineCommand{out: stdout}
	flags.StringVar(&c.config, "config", "", "the configuration `file`, for store.path and store.backup.dir")
	switch command {
	case "verify", "export":
		flags.StringVar(&c.file, "file", "", "the `store` itself, or a backup, instead of the configuration")
		run = map[string]func(context.Context) error{"verify": c.verify, "export": c.export}[command]
	case "restore":
		flags.StringVar(&c.from, "from", "newest", "the backup `file`, or newest")
		run = c.restore
	case "release":
		flags.BoolVar(&c.yes, "yes", false, "really release it")
		run = c.release
	case "compact":
		run = c.compact
	}
	if err := flags.Parse(args); err != nil {
		return nil, false // the flag set has said why
	}
	rest := flags.Args()
	if command == "release" && len(rest) > 0 {
		c.refresh, rest = refresh.ID(rest[0]), rest[1:]
	}
	switch {
	case len(rest) > 0:
		_, _ = fmt.Fprintf(stderr, "%s: %q is too much; flags come first; see refreshbot help\n", flags.Name(), rest[0])
		return nil, false
	case command == "release" && c.refresh == "":
		_, _ = fmt.Fprintf(stderr, "%s: which refresh? refreshbot verify lists them\n", flags.Name())
		return nil, false
	case c.file != "" && c.config != "":
		_, _ = fmt.Fprintf(stderr, "%s: give either --config or --file\n", flags.Name())
		return nil, false
	}
	return run, true
}

type offlineCommand struct {
	out                io.Writer
	config, file, from string
	refresh            refresh.ID
	yes                bool
}

// store returns where the store is, and where its backups are ("" when the configuration names no place).
func (c *offlineCommand) store() (path, backups string, err error) {
	if c.file != "" {
		return c.file, "", nil
	}
	if c.config == "" {
		c.config = "refreshbot.yml"
	}
	cfg, err := config.Load(c.config)
	if err != nil {
		return "", "", err
	}
	if b := cfg.Store.Backup; b != nil {
		backups = b.Dir
	}
	return cfg.Store.Path, backups, nil
}

func (c *offlineCommand) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format+"\n", args...)
}

// errUnsound ends a command whose output says what is wrong.
var errUnsound = errors.New("the store is not sound; the lines above say what is wrong, and docs/operations.md what to do")

// verify checks everything in the store.
func (c *offlineCommand) verify(ctx context.Context) error {
	path, _, err := c.store()
	if err != nil {
		return err
	}
	report, err := bolt.Verify(ctx, path)
	if err != nil {
		return err
	}
	c.say("%s: schema %d, opened %d times, %d kB", path, report.Info.Schema, report.Info.Epoch, report.Size/1024)
	entries, foreign := int64(0), 0
	for _, f := range report.Findings {
		switch {
		case f.Released != nil:
			c.say("released  %s, on %s: %s", f.ID, f.Released.At.Format("2006-01-02 15:04 MST"), f.Released.Why)
		case f.Foreign():
			foreign++
			c.say("UNCHECKED %s: %v", f.ID, f.Err)
		case f.Err != nil:
			c.say("DAMAGED   %s: %v", f.ID, f.Err)
		default:
			entries += f.Refresh.Version
			c.say("ok        %s, %s, %d entries", f.ID, standing(f.Refresh), f.Refresh.Version)
		}
	}
	if report.Err != nil {
		c.say("DAMAGED   %v", report.Err)
	}
	if report.Sound() != nil {
		return errUnsound
	}
	if foreign > 0 {
		return fmt.Errorf("%d of %d refreshes could not be checked: verify them with the version that wrote them. Everything else is sound", foreign, len(report.Findings))
	}
	c.say("Sound: %d refreshes, %d journal entries; hash chains, rows, locks, lists, records and pages agree.", len(report.Findings), entries)
	return nil
}

// standing says how a refresh stands.
func standing(r refresh.Refresh) string {
	if r.Status.Ended() {
		return string(r.Status)
	}
	return "under way in " + string(r.Phase())
}

// export writes every refresh with its journal, a line each. What cannot be trusted is a line with an error.
func (c *offlineCommand) export(ctx context.Context) error {
	path, _, err := c.store()
	if err != nil {
		return err
	}
	r, err := bolt.OpenReader(ctx, path, bolt.Options{})
	if err != nil {
		return err
	}
	bad := 0
	enc := json.NewEncoder(c.out)
	err = r.Export(ctx, func(e bolt.Exported) error {
		if e.Error != "" && e.Released == nil {
			bad++
		}
		return enc.Encode(e)
	})
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	if bad > 0 {
		return fmt.Errorf("%d refreshes are damaged or of another version: their lines say which and have no journal", bad)
	}
	return nil
}

// restore puts a backup in the place of the store.
func (c *offlineCommand) restore(ctx context.Context) error {
	path, dir, err := c.store()
	if err != nil {
		return err
	}
	from, passed, err := backup.Choose(ctx, dir, c.from)
	for _, p := range passed {
		c.say("Not taken: %s, since it is not sound: %s", p.Path, refresh.MessageOf(p.Err))
	}
	if err != nil {
		return err
	}
	done, err := backup.Restore(ctx, path, from)
	if err != nil {
		return err
	}
	c.say("Restored %s from %s, taken %s: %d refreshes, %d of them under way.", path, from.Path, from.At.Format(time.RFC3339), done.Refreshes, len(done.Open))
	if done.Kept != "" {
		c.say("The replaced file is kept as %s.", done.Kept)
	}
	if done.Unread != nil {
		c.say("It could not be read, so what it knew beyond the backup is not listed: %s", refresh.MessageOf(done.Unread))
	}
	for _, l := range done.Lost {
		if l.Had == 0 {
			c.say("Lost: %s of %s, asked for on %s, was %s. Look at %s in Lifecycle Services.", l.ID, l.Target.Name, l.RequestedAt.Format("2006-01-02 15:04 MST"), standing(l.Refresh), l.Target.Name)
			continue
		}
		c.say("Lost: the last %d of %d entries of %s, which was %s.", l.Version-l.Had, l.Version, l.ID, standing(l.Refresh))
	}
	for _, r := range done.Open {
		if r.Held() {
			c.say("Under way then: %s. Its copy had not begun when the backup was taken and may have since. Once the bot runs, it looks in Lifecycle Services, and a person has to say on the card what became of the copy before anything is done.", r.ID)
			continue
		}
		c.say("Under way then: %s, in %s. Its steps from there on are done again.", r.ID, r.Phase())
	}
	return nil
}

// release gives the target of a damaged refresh free.
func (c *offlineCommand) release(ctx context.Context) error {
	path, _, err := c.store()
	if err != nil {
		return err
	}
	if !c.yes {
		return c.before(ctx, path)
	}
	s, err := bolt.Open(ctx, path, bolt.Options{})
	if err != nil {
		return err
	}
	out, err := s.Release(ctx, c.refresh, time.Now())
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	c.say("Released %s. It held %v; those are free now. What was wrong: %s", c.refresh, out.Locks, out.Why)
	c.say("Its row and journal stay in the store as they are.")
	return nil
}

// before says what is known of a refresh that somebody wants to release.
func (c *offlineCommand) before(ctx context.Context, path string) error {
	report, err := bolt.Verify(ctx, path)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.ID != c.refresh {
			continue
		}
		switch {
		case f.Released != nil:
			c.say("%s was released before, on %s.", f.ID, f.Released.At.Format("2006-01-02 15:04 MST"))
		case f.Foreign():
			c.say("%v", f.Err)
			c.say("It is better to start that version than to release it.")
		case f.Err != nil:
			c.say("%s is damaged: %v", f.ID, f.Err)
		default:
			c.say("%s is sound and %s. Only a damaged refresh can be released.", f.ID, standing(f.Refresh))
		}
	}
	return fmt.Errorf("nothing was released. Nobody knows what %s has done to its target: look there, in Lifecycle Services and in the environment. Then give --yes before its name, and another refresh of that target can be asked for", c.refresh)
}

// compact makes the file smaller.
func (c *offlineCommand) compact(ctx context.Context) error {
	path, _, err := c.store()
	if err != nil {
		return err
	}
	before, after, err := bolt.Compact(ctx, path)
	if err != nil {
		return err
	}
	c.say("Compacted %s: %d kB, before %d kB.", path, after/1024, before/1024)
	return nil
}
