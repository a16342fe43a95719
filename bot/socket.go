package bot

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"refreshbot/jobs/wire"
)

// connections is how many Socket Mode connections are kept. Slack recycles each every few hours, and slack-go
// closes the old one before it opens the new one; with two, nobody's click falls into the gap.
const connections = 2

// longest is how long it takes at most to try to connect again, as long as Slack does not ask for more patience. slack-go
// itself waits up to five minutes, in which nobody could click.
func (b *Bot) longest() time.Duration { return 3 * b.Retry }

// listen keeps one connection alive. slack-go itself reconnects after most failures; after those that end its
// loop, such as a revoked token, this begins anew: the token may be valid again later.
func (b *Bot) listen(ctx context.Context, n int) {
	log := b.Log.With("connection", n)
	for wait := b.Retry; ctx.Err() == nil; wait = min(2*wait, b.longest()) {
		began := time.Now()
		err := b.connectGuarded(ctx, log, n)
		b.Health.connection(n, false)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > 5*time.Minute {
			wait = b.Retry
		}
		b.Health.slackError(SlackProblem(err))
		log.ErrorContext(ctx, "Slack connection ended; trying again", "err", SlackProblem(err), "in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// connectGuarded is connect, with a panic as its error.
func (b *Bot) connectGuarded(ctx context.Context, log *slog.Logger, n int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, log, "a connection panicked", p)
			err = errDefect
		}
	}()
	return b.connect(ctx, log, n)
}

// linger is how long a connection stays open after its last acknowledgement was handed to slack-go, which does not say
// when it has written one: half a second, unless tests have everything settle sooner.
func (b *Bot) linger() time.Duration { return b.Settle / 40 }

// connect runs one socketmode client until it gives up. It returns when that client's loop has ended and every
// envelope it brought has been handled. When ctx ends no further envelope is taken, and the connection stays until
// those that were are acknowledged: what was committed must not look like a failure.
func (b *Bot) connect(ctx context.Context, log *slog.Logger, n int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	open, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	var unacked sync.WaitGroup
	var last atomic.Int64 // when something was acknowledged, in nanoseconds
	stopping := ctx.Done()
	var impatient error // why it was not waited for any longer
	client := socketmode.New(b.API, socketmode.OptionDialer(dialer(b.Transport)))
	var handlers sync.WaitGroup
	defer handlers.Wait()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				logPanic(ctx, log, "a connection panicked", p)
				ended <- errDefect
			}
		}()
		ended <- client.RunContext(open)
	}()
	for {
		select {
		case err := <-ended:
			return cmp.Or(impatient, err)
		case <-stopping:
			stopping = nil
			handlers.Go(func() {
				unacked.Wait()
				if rest := b.linger() - time.Since(time.Unix(0, last.Load())); rest > 0 {
					<-time.After(rest)
				}
				hangUp()
			})
		case ev := <-client.Events:
			switch ev.Type {
			case socketmode.EventTypeHello:
				b.Health.connection(n, true)
				b.publisher.hurry()
				log.InfoContext(ctx, "connected to Slack")
			case socketmode.EventTypeConnecting:
				b.Health.connection(n, false)
			case socketmode.EventTypeConnectionError:
				b.Health.connection(n, false)
				if failure, ok := ev.Data.(*slack.ConnectionErrorEvent); ok {
					b.Health.slackError(SlackProblem(failure.ErrorObj))
					log.WarnContext(ctx, "cannot connect to Slack", "err", SlackProblem(failure.ErrorObj), "attempt", failure.Attempt)
					if _, limited := errors.AsType[*slack.RateLimitedError](failure.ErrorObj); !limited && failure.Backoff > b.longest() {
						impatient = failure.ErrorObj
						hangUp()
					}
				}
			case socketmode.EventTypeErrorBadMessage:
				log.WarnContext(ctx, "a Socket Mode message was lost", "kind", string(ev.Type))
			case socketmode.EventTypeErrorWriteFailed:
				// The connection went while an acknowledgement was written; the next one takes it.
				if failure, ok := ev.Data.(*socketmode.ErrorWriteFailed); ok && failure.Response != nil {
					unacked.Add(1)
					handlers.Go(func() {
						defer unacked.Done()
						again(open, log, client, *failure.Response)
						last.Store(time.Now().UnixNano())
					})
				}
			default:
				// One goroutine an envelope: reading must never wait, or pings go unanswered.
				if ev.Request != nil && ctx.Err() == nil {
					unacked.Add(1)
					handlers.Go(func() {
						b.receive(ctx, log, client, ev, func() { last.Store(time.Now().UnixNano()); unacked.Done() })
					})
				}
			}
		}
	}
}

// dialer opens sockets with the proxy and the certificates that the rest of the program uses. Slack does not put
// fragmented messages together again, so what is written at once must hold the longest acknowledgement, 20 kB.
func dialer(t *http.Transport) *websocket.Dialer {
	t = t.Clone() // what a transport in use has set is not safe to read
	d := &websocket.Dialer{Proxy: inPrivate(t.Proxy), HandshakeTimeout: callTimeout, WriteBufferSize: 32 << 10, TLSClientConfig: t.TLSClientConfig}
	if d.TLSClientConfig != nil {
		d.TLSClientConfig.NextProtos = nil // a socket is upgraded from HTTP/1.1
	}
	return d
}

// errInClear says that Slack named a socket without TLS.
var errInClear = errors.New("the socket's address begins with ws:// and is not of this machine; the ticket in it would be readable on the way")

// inPrivate is proxy, but refuses a socket without TLS, which may be on this machine only. A dialer asks for the
// proxy before it connects, and for no other place is the address at hand.
func inPrivate(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" && !wire.Loopback(r.URL.Hostname()) {
			return nil, errInClear
		}
		if proxy == nil {
			return nil, nil
		}
		return proxy(r)
	}
}

// again sends an acknowledgement once more, on whichever connection is open by then.
func again(ctx context.Context, log *slog.Logger, client *socketmode.Client, ack socketmode.Response) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := client.SendCtx(ctx, ack); err != nil {
		log.WarnContext(ctx, "an acknowledgement was lost", "envelope", ack.EnvelopeID)
	}
}
