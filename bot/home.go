package bot

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// For how long, and how often, the Home tab of somebody who opened it is kept up to date. Nobody sees a tab that is not
// open, and Slack does not tell when one is closed.
const (
	homeKept    = 12 * time.Hour
	homeWatched = 10 * time.Minute // after it was opened or used, somebody is likely to look at it
	homeSoon    = 4                // paces between two updates of a tab that is looked at: 5 s
	homeLate    = 48               // and of one that hardly is: a minute
	mostHomes   = 500
)

// homes are the Home tabs that are kept up to date. They live in memory: who opens theirs again gets it anew.
type homes struct {
	mu   sync.Mutex
	tabs map[string]*homeTab // by user
	wake chan struct{}
}

// homeTab is the Home tab of one person.
type homeTab struct {
	user      refresh.Person
	workspace string
	used      time.Time // opened, or a button pressed
	shownAt   time.Time
	shown     [sha256.Size]byte
	due       time.Time       // when to look whether it shows what it should; zero: it does
	asked     bool            // the person waits for it
	notice    *commands.Reply // why their click did not count, to be shown once
}

func newHomes() *homes { return &homes{tabs: map[string]*homeTab{}, wake: make(chan struct{}, 1)} }

// asked has a person's tab shown at once.
func (h *homes) asked(user refresh.Person, workspace string, notice *commands.Reply) {
	h.mu.Lock()
	t, ok := h.tabs[user.ID]
	if !ok && len(h.tabs) < mostHomes {
		t = &homeTab{}
		h.tabs[user.ID], ok = t, true
	}
	if ok {
		t.user, t.workspace, t.used, t.due, t.asked = user, workspace, time.Now(), time.Now(), true
		if notice != nil {
			t.notice = notice
		}
	}
	h.mu.Unlock()
	h.rouse()
}

// changed has every tab looked at, each no sooner than its pause is over. pace is the least time between two tabs.
func (h *homes) changed(pace time.Duration) {
	now := time.Now()
	h.mu.Lock()
	for user, t := range h.tabs {
		pause := homeLate * pace
		switch unused := now.Sub(t.used); {
		case unused > homeKept:
			delete(h.tabs, user)
			continue
		case unused < homeWatched:
			pause = homeSoon * pace
		}
		if at := t.shownAt.Add(pause); t.due.IsZero() {
			t.due = at
		}
	}
	h.mu.Unlock()
	h.rouse()
}

// spoken is an answer when there is something to say.
func spoken(r commands.Reply) *commands.Reply {
	if isSilent(r) {
		return nil
	}
	return &r
}

// event takes up what Slack tells of by itself: that somebody opened their Home tab.
func (b *Bot) event(in slackevents.EventsAPIEvent) reply {
	if opened, ok := in.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok && opened.Tab == "home" {
		b.homes.asked(refresh.Person{ID: opened.User}, in.TeamID, nil)
	}
	return reply{}
}

func (h *homes) rouse() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// next takes the tab that is due: one that somebody waits for before the others, and of those the one that waits
// longest. Otherwise it says how long nothing will be due.
func (h *homes) next() (t homeTab, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var first *homeTab
	for _, t := range h.tabs {
		switch {
		case t.due.IsZero():
		case first == nil, t.asked && !first.asked, t.asked == first.asked && t.due.Before(first.due):
			first = t
		}
	}
	if first == nil {
		return homeTab{}, time.Hour
	}
	if wait := time.Until(first.due); wait > 0 {
		return homeTab{}, wait
	}
	t = *first
	first.due, first.asked, first.notice = time.Time{}, false, nil
	return t, 0
}

// update changes what is remembered of a tab, if it still is.
func (h *homes) update(user string, change func(*homeTab)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.tabs[user]; ok {
		change(t)
	}
}

func (h *homes) forget(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tabs, user)
}

// homePace is the least time between two Home tabs: Slack takes twice as many of them as of changes to cards.
func (b *Bot) homePace() time.Duration { return b.Pace * 5 / 12 }

// keepHomes shows the Home tabs until ctx ends, and keeps under half of what Slack allows (views.publish, tier 4).
func (b *Bot) keepHomes(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait := b.homePace()
		if t, idle := b.homes.next(); t.user.ID == "" {
			wait = idle
		} else if sent := b.showHome(ctx, t); !sent {
			wait = 0
		}
		timer.Reset(wait)
		wake := b.homes.wake
		if wait == b.homePace() {
			wake = nil // the pace holds, whoever opens what
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
	}
}

// showHome publishes a tab unless it shows the same already; sent is false then.
func (b *Bot) showHome(ctx context.Context, t homeTab) (sent bool) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	home := b.Handler.Home(ctx, t.user, t.workspace)
	for i, row := range home.Recent {
		home.Recent[i].Report = b.reportOf(ctx, row.Refresh)
	}
	tab := view.Home(home, t.notice, time.Now(), b.View)
	data, err := json.Marshal(tab)
	if err != nil {
		b.Log.ErrorContext(ctx, "a Home tab cannot be encoded", "err", err)
		return false
	}
	is := sha256.Sum256(data)
	if is == t.shown && !t.asked {
		return false
	}
	_, err = b.API.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: t.user.ID, View: tab})
	switch limited, ok := errors.AsType[*slack.RateLimitedError](err); {
	case err == nil:
		b.homes.update(t.user.ID, func(t *homeTab) { t.shown, t.shownAt = is, time.Now() })
	case ok:
		b.homes.update(t.user.ID, func(t *homeTab) { t.due = time.Now().Add(max(limited.RetryAfter, b.Retry)) })
	default: // the person opens it again if they want it
		b.homes.forget(t.user.ID)
		b.Log.WarnContext(ctx, "a Home tab could not be shown", "user", t.user.ID, "err", redact.Text(err.Error()))
	}
	return true
}
