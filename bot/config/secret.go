package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"refreshbot/jobs/refresh"
)

// Secret is a resolved secret. However it is printed, logged or encoded, it reads ***. Only Reveal gives it away.
type Secret struct {
	// A pointer, so that fmt shows an address at worst when a Secret sits in someone's unexported field, where
	// its methods cannot be called.
	value *string
	ref   string
}

const hidden = "***"

// Reveal returns the secret itself, or "" when none is set.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Ref returns where the secret was found, as "env:NAME" or "file:/absolute/path", for what is kept on disk and
// calls Resolve when it needs the secret. It is "" when none is set or it did not come from a file.
func (s Secret) Ref() string { return s.ref }

// IsSet reports whether there is a secret at all.
func (s Secret) IsSet() bool { return s.value != nil }

func (s Secret) String() string { return hidden }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return hidden }

// Format hides the secret from every other verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON hides the secret from JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// MarshalYAML hides the secret from YAML.
func (s Secret) MarshalYAML() (any, error) { return hidden, nil }

// MarshalText hides the secret from every other encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Resolve reads the secret that a reference of Ref leads to, as it is now. The error is a refresh.Error that never
// holds the secret: Invalid when nothing is found there, Internal when ref is no such reference.
func Resolve(ref string) (string, error) {
	kind, name, _ := strings.Cut(ref, ":")
	var s string
	switch kind {
	case "env":
		v, ok := os.LookupEnv(name)
		if !ok {
			return "", refresh.Errorf(refresh.Invalid, "The environment variable %s is not set: set it and start refreshbot again.", name)
		}
		s = v
	case "file":
		data, err := os.ReadFile(name)
		if err != nil {
			return "", refresh.Errorf(refresh.Invalid, "The file %s cannot be read (%v): put the secret there and press Retry.", name, cause(err))
		}
		s = string(data)
	default:
		return "", refresh.Errorf(refresh.Internal, "A secret is needed, and the plan does not say where it is.")
	}
	if s = trimmed(s); strings.TrimSpace(s) == "" {
		return "", refresh.Errorf(refresh.Invalid, "There is nothing in the %s %s: put the secret there.", map[string]string{"env": "environment variable", "file": "file"}[kind], name)
	}
	return s, nil
}

// trimmed drops the line end that editors and echo leave after a secret.
func trimmed(s string) string { return strings.TrimRight(s, "\r\n") }
