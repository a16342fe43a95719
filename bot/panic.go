package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"refreshbot/bot/redact"
)

// recovered, deferred, ends a panic here: one bad message must not take every refresh down with the process.
func recovered(ctx context.Context, log *slog.Logger, what string) {
	if p := recover(); p != nil {
		logPanic(ctx, log, what, p)
	}
}

// errDefect stands for a panic that was recovered and logged.
var errDefect = errors.New("a defect in refreshbot; the log has the stack")

// steady runs part until it returns, and after a panic begins it anew, no sooner than after pause.
func steady(ctx context.Context, log *slog.Logger, pause time.Duration, what string, part func(context.Context)) {
	for again := true; again && ctx.Err() == nil; {
		again = func() (panicked bool) {
			defer func() {
				if p := recover(); p != nil {
					logPanic(ctx, log, what, p)
					panicked = true
				}
			}()
			part(ctx)
			return false
		}()
		if again {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// logPanic notes a panic with its stack, from within the deferred function that recovered it.
func logPanic(ctx context.Context, log *slog.Logger, what string, p any) {
	log.ErrorContext(ctx, what, "panic", redact.Text(fmt.Sprint(p)), "stack", string(debug.Stack()))
}
