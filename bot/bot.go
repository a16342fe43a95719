package bot

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// callTimeout bounds one Web API call. slack-go has no timeout of its own.
const callTimeout = 15 * time.Second

// Handler answers people. What it changes is committed when it returns.
type Handler interface {
	Slash(ctx context.Context, in commands.Line) commands.Reply
	Click(ctx context.Context, in commands.Press) commands.Reply
	Fill(ctx context.Context, in commands.Filled) commands.Reply
	Shortcut(ctx context.Context, in commands.Line) commands.Reply
	Explain(ctx context.Context, id refresh.ID) commands.Reply
	Home(ctx context.Context, who refresh.Person, workspace string) commands.Home
}

// Journal is what is read of the store to know what to show.
type Journal interface {
	Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error)
	Open(ctx context.Context) ([]refresh.Refresh, error)
	Recent(ctx context.Context, target string, limit int) ([]refresh.Refresh, error)
	Journal(ctx context.Context, id refresh.ID, after int64) ([]refresh.Entry, error)
}

// Records is where the publisher remembers how far it got, and what was handed in and is not read yet.
type Records interface {
	Record(ctx context.Context, space, key string) ([]byte, bool, error)
	Records(ctx context.Context, space string) (map[string][]byte, error)
	PutRecord(ctx context.Context, space, key string, value []byte) error
	DeleteRecord(ctx context.Context, space, key string) error
}

// Options are what a Bot works with.
type Options struct {
	API      *slack.Client // made by NewAPI
	Handler  Handler
	Journal  Journal
	Records  Records
	NewsIn   func(target string) (string, bool) // where news about a target are told; nil: nowhere
	View     view.Options
	Health   *Health
	Notices  Notices // what the users of the environments are told
	Log      *slog.Logger
	Admins   []string // Slack users who are told when something is wrong with Slack itself
	People   Members  // who is in the user groups that decide; nil: asked through API
	Fallback string   // the channel where a refresh is shown while its own channel takes no posts; "": told to each admin

	Transport *http.Transport // for what does not go through API: sockets and replies; nil: the standard one
	Settle    time.Duration   // how long a post whose reply was lost may still appear in the channel; zero: 20 s
	Retry     time.Duration   // the first wait before what Slack did not take is tried again, which doubles; zero: 5 s
	Pace      time.Duration   // in the long run at least this long between two updates of cards, two posts in a channel, two look-ups of an address, two Home tabs; zero: 3 s
}

// Bot is the Slack edge. Make one with New, then call Run once.
type Bot struct {
	Options
	homes     *homes
	publisher *publisher
	rest      chan rest
	lists     chan sentList
	herald    *herald
}

// NewAPI returns a Slack client. url is the base of the Web API, empty for Slack itself. It tries nothing again: a post
// whose reply was lost may have been made, and who waits for Slack's limits, and how long, is the caller's to say. Until
// a limit that Slack named has passed, it answers further calls of that method with it at once. No redirect is
// followed: the token stands in the body of most calls, and net/http would send that along.
func NewAPI(botToken, appToken, url string, transport http.RoundTripper) *slack.Client {
	if transport == nil {
		transport = http.DefaultTransport
	}
	options := []slack.Option{
		slack.OptionAppLevelToken(appToken),
		slack.OptionHTTPClient(&http.Client{
			Timeout: callTimeout, Transport: &throttle{next: transport, until: map[string]time.Time{}}, CheckRedirect: wire.Stay,
		}),
	}
	if url != "" {
		options = append(options, slack.OptionAPIURL(url))
	}
	return slack.New(botToken, options...)
}

// New returns a Bot that does nothing until Run.
func New(o Options) *Bot {
	if o.Settle == 0 {
		o.Settle = callTimeout + 5*time.Second
	}
	if o.Retry == 0 {
		o.Retry = 5 * time.Second
	}
	if o.Pace == 0 {
		o.Pace = 3 * time.Second // 20 a minute, less than half of what Slack takes of the stingiest methods (tier 3)
	}
	if o.People == nil {
		o.People = NewDirectory(o.API)
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport)
	}
	posts := newPublisher(o)
	return &Bot{Options: o, publisher: posts, herald: newHerald(posts), homes: newHomes(), rest: make(chan rest, 16), lists: make(chan sentList, 16)}
}

// Committed tells the bot that a refresh has changed. It never blocks.
func (b *Bot) Committed(id refresh.ID) {
	b.publisher.changed(id)
	b.homes.changed(b.homePace())
}

// Run listens and publishes until ctx ends.
func (b *Bot) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { steady(ctx, b.Log, b.Retry, "the publisher panicked", b.publisher.run) })
	wg.Go(func() { steady(ctx, b.Log, b.Retry, "the answers that were left panicked", b.later) })
	left := b.leftLists(ctx)
	wg.Go(func() { b.takeLists(ctx, left) })
	wg.Go(func() { steady(ctx, b.Log, b.Retry, "the herald panicked", b.herald.run) })
	wg.Go(func() { steady(ctx, b.Log, b.Retry, "the Home tabs panicked", b.keepHomes) })
	wg.Go(func() { b.watchToken(ctx) })
	for n := range connections {
		wg.Go(func() { b.listen(ctx, n) })
	}
	wg.Wait()
	return nil
}

// watchToken asks Slack again and again, once a minute at the default pace, whether it accepts the bot token: the
// connections are the app token's and tell nothing about it, and there may be nothing to post.
func (b *Bot) watchToken(ctx context.Context) {
	every := time.NewTicker(12 * b.Retry)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		_, err := b.API.AuthTestContext(ctx)
		b.Health.asked(err)
	}
}
