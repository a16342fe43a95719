package lcs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// The replies, as far as they are used. encoding/json matches names in any case, which settles LCS's two spellings
// of "Utc"; the types below accept what else differs between its pages. Unknown fields are ignored, as the API's
// versioning page asks.

type envelope struct {
	IsSuccess           *flag
	OperationActivityID text // in a status reply: the status call's own id
	ErrorMessage        text
}

func (e envelope) outcome() envelope { return e }

type statusReply struct {
	envelope
	ActivityID      text
	OperationStatus text
}

type detailReply struct {
	envelope
	More flag `json:"ResultHasMorePages"`
	Data []environment
}

type environment struct {
	EnvironmentID                 text
	EnvironmentName               text
	EnvironmentType               text
	EnvironmentInfrastructure     text
	EnvironmentEndpointBaseURL    text
	CurrentApplicationReleaseName text
	CurrentPlatformReleaseName    text
	DeploymentState               text
}

func (e environment) detail() refresh.EnvironmentDetail {
	return refresh.EnvironmentDetail{
		ID:             refresh.NormalizeID(string(e.EnvironmentID)),
		Name:           string(e.EnvironmentName),
		Type:           string(e.EnvironmentType),
		Infrastructure: string(e.EnvironmentInfrastructure),
		URL:            strings.TrimRight(string(e.EnvironmentEndpointBaseURL), "/"),
		Release:        string(e.CurrentApplicationReleaseName),
		Platform:       string(e.CurrentPlatformReleaseName),
		State:          string(e.DeploymentState),
	}
}

type historyReply struct {
	envelope
	More flag `json:"ResultHasMorePages"`
	Data []entry
}

type entry struct {
	ActivityID       text
	Type             text
	TypeDisplay      text
	StartDateTimeUTC text
	EndDateTimeUTC   text
	Status           text
}

func (e entry) operation() refresh.Operation {
	return refresh.Operation{
		ID:        dashed(string(e.ActivityID)),
		Kind:      string(e.Type),
		Title:     string(e.TypeDisplay),
		StartedAt: parseTime(string(e.StartDateTimeUTC)),
		EndedAt:   parseTime(string(e.EndDateTimeUTC)),
		Status:    refresh.CopyStatus(e.Status),
	}
}

// newestFirst sorts by start. One without a known start has only just begun.
func newestFirst(ops []refresh.Operation) {
	slices.SortStableFunc(ops, func(a, b refresh.Operation) int {
		if a.StartedAt.IsZero() || b.StartedAt.IsZero() {
			return cmp.Compare(rank(b), rank(a))
		}
		return b.StartedAt.Compare(a.StartedAt)
	})
}

func rank(op refresh.Operation) int {
	if op.StartedAt.IsZero() {
		return 1
	}
	return 0
}

// text is a string that LCS may also write as a number, or leave out.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case len(b) > 0 && b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		s = string(b)
	}
	*t = text(strings.TrimSpace(s))
	return nil
}

// flag is a boolean that may come as a string. Anything but true and false is an error: guessing what IsSuccess
// means would be worse than not knowing.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"`)) {
	case "true":
		*f = true
	case "false":
		*f = false
	case "null": // left as it is, as for any field
	default:
		return errors.New("neither true nor false")
	}
	return nil
}

// parseTime reads the forms of time that LCS writes, all of them UTC when they name no zone. Zero means none, or
// not readable.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "1/2/2006 3:04:05 PM", "1/2/2006 3:04 PM", "1/2/2006 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil { // fractions of a second are accepted after any seconds
			return t.UTC()
		}
	}
	return time.Time{}
}

// maxBody bounds a reply. A page of environments is some kilobytes.
const maxBody = 10 << 20

// These say why a reply could not be read, without quoting it.
var (
	errReply   = errors.New("not the JSON that LCS documents")
	errTooLong = errors.New("longer than 10 MB")
	errCut     = errors.New("the reply ended early")
)

// decode reads one complete JSON object. Its errors hold nothing of the reply.
func decode(body io.Reader, into any) error {
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	switch {
	case err != nil:
		if cause := wire.NetworkCause(err); cause != nil {
			return cause
		}
		return errCut
	case len(data) > maxBody:
		return errTooLong
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 || bytes.TrimSpace(data)[0] != '{' || json.Unmarshal(data, into) != nil {
		return errReply
	}
	return nil
}

// tidy makes LCS's words fit for one line of a message.
func tidy(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if r := []rune(s); len(r) > 500 {
		s = string(r[:500]) + "…"
	}
	return s
}
