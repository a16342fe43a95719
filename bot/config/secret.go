package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a resolved secret. However it is printed, logged or encoded, it reads ***. Only Reveal gives it away.
type Secret struct {
	// A pointer, so that fmt shows an address at worst when a Secret sits in someone's unexported field, where
	// its methods cannot be called.
	value *string
}

const hidden = "***"

// NewSecret wraps a value that came from elsewhere.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the secret itself, or "" when none is set.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

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
