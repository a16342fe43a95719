package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/config"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"
)

// disk watches whether the store can be written. Nothing may want to write for hours after a click was refused, so
// that while it cannot be, this tries.
type disk struct {
	health *bot.Health
	log    *slog.Logger
	failed atomic.Bool // the latest try
	broken chan struct{}
}

// probe is the wait between two tries to write.
const probe = 2 * time.Second

func newDisk(health *bot.Health, log *slog.Logger) *disk {
	return &disk{health: health, log: log, broken: make(chan struct{}, 1)}
}

// wrote takes what became of a try to write. That one succeeds says nothing once another has failed: it may have been
// small enough for what room was left. Only the probe ends the trouble.
func (d *disk) wrote(err error) {
	if err == nil {
		return
	}
	d.health.Stored(err)
	if !d.failed.Swap(true) {
		d.log.Error("the store cannot be written", "err", err)
	}
	select {
	case d.broken <- struct{}{}:
	default:
	}
}

func (d *disk) watch(ctx context.Context, record *bolt.Store) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.broken:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(probe):
		}
		if record.Probe(ctx) == nil { // what fails has the loop begin again
			d.failed.Store(false)
			d.health.Stored(nil)
			d.log.Info("the store can be written again")
		}
	}
}

// newBackups returns what takes backups, nil when the configuration wants none. tell reaches the admins.
func newBackups(cfg *config.Config, record *bolt.Store, health *bot.Health, log *slog.Logger, tell func(context.Context, string)) *backup.Keeper {
	b := cfg.Store.Backup
	if b == nil {
		return nil
	}
	return backup.New(backup.Options{
		Source: record, Dir: b.Dir, Every: b.Every, Keep: b.Keep, Log: log,
		Taken: func(ctx context.Context, t backup.Taken, err error) {
			news := health.BackedUp(t.At, t.Size, err)
			switch {
			case news && err != nil:
				tell(ctx, "The store of refreshbot cannot be backed up. "+refresh.MessageOf(err)+" It is tried again; you will hear when it works.")
			case news:
				tell(ctx, "The store of refreshbot is backed up again: "+t.Path)
			}
		},
	})
}

func (i installation) Backup(ctx context.Context) (commands.Backup, error) {
	if i.backups == nil {
		return commands.Backup{}, refresh.Errorf(refresh.Invalid, "The configuration has no store.backup, so there is no place for a backup. Whoever runs refreshbot adds one, such as store: {backup: {dir: backups}}.")
	}
	t, err := i.backups.Take(ctx)
	if err != nil {
		return commands.Backup{}, fmt.Errorf("take a backup: %w", err)
	}
	return commands.Backup{File: t.Path, Size: t.Size, Refreshes: t.Refreshes, Open: t.Open}, nil
}
