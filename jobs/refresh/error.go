package refresh

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an Error is, and so what may be done about it.
type Code string

const (
	// Invalid: what was asked makes no sense; asking again changes nothing.
	Invalid Code = "invalid"
	// Denied: the identity is not known there, or may not do this.
	Denied Code = "denied"
	// NotFound: the thing named does not exist.
	NotFound Code = "not_found"
	// Offline: the service or environment does not answer at the moment. Nothing was done.
	Offline Code = "offline"
	// Throttled: asked too often; RetryAfter says how long to wait. Nothing was done.
	Throttled Code = "throttled"
	// Refused: the far side understood and said no. Nothing was done.
	Refused Code = "refused"
	// Unknown: the request may or may not have been carried out.
	Unknown Code = "unknown"
	// Stale: somebody else changed the refresh first, or it was decided already.
	Stale Code = "stale"
	// Internal: a defect or a broken disk; Msg is all a user needs to see.
	Internal Code = "internal"
)

// Error is the one error that crosses package borders. A user is shown Msg: a sentence and the next step.
// An operator sees the whole chain. Neither may ever hold a token or a password.
type Error struct {
	Code       Code
	Msg        string
	RetryAfter time.Duration // with Throttled, Offline or Unknown; zero when nothing speaks for a time
	Err        error         // the cause, for the log
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return fmt.Sprintf("%s: %v", e.Msg, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose Msg is formatted from the arguments; it wraps no cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first Error in err's chain, Internal for any other error, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// MessageOf returns what a user may see of err.
func MessageOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Msg
	}
	return "Something went wrong inside refreshbot. Try again; if it happens again, tell an admin, who finds the details in the log of the process."
}
