package entra

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"

	"refreshbot/jobs/refresh"
)

// Records is where a vault is kept: durable, and read by whoever can read the store.
type Records interface {
	Record(ctx context.Context, space, key string) ([]byte, bool, error)
	PutRecord(ctx context.Context, space, key string, value []byte) error
}

const (
	vaultSpace = "sign-in"
	vaultKey   = "lcs"
)

// vault keeps a person's sign-in across restarts: MSAL's cache, encrypted with AES-256-GCM under a key that is derived
// from a secret outside the store. It is what MSAL calls a cache accessor.
type vault struct {
	records Records
	seal    cipher.AEAD

	mu     sync.Mutex
	loaded bool
	kept   kept
}

// kept is what a vault holds.
type kept struct {
	SignedInAt time.Time `json:"signed_in_at"` // when a person last did
	RenewedAt  time.Time `json:"renewed_at"`   // when the tokens were last exchanged for new ones
	Cache      []byte    `json:"cache"`        // MSAL's; opaque
}

func newVault(records Records, secret string) (*vault, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "refreshbot sign-in", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the kept sign-in: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the kept sign-in: %w", err)
	}
	seal, err := cipher.NewGCM(block)
	return &vault{records: records, seal: seal}, err
}

// look reads the vault unless it was read before. The caller holds mu.
func (v *vault) look(ctx context.Context) error {
	if v.loaded {
		return nil
	}
	sealed, ok, err := v.records.Record(ctx, vaultSpace, vaultKey)
	if err != nil {
		return fmt.Errorf("read the kept sign-in: %w", err)
	}
	if ok {
		size := v.seal.NonceSize()
		if len(sealed) < size {
			return errSealed
		}
		text, err := v.seal.Open(nil, sealed[:size], sealed[size:], nil)
		if err != nil || json.Unmarshal(text, &v.kept) != nil {
			return errSealed
		}
	}
	v.loaded = true
	return nil
}

var errSealed = &refresh.Error{
	Code: refresh.Denied,
	Msg:  "The kept sign-in to LCS cannot be read with lcs.token_key: the key has changed. Put the old key back, or have an admin type /refresh sign-in.",
}

// save writes what the vault holds. The caller holds mu.
func (v *vault) save(ctx context.Context) error {
	text, err := json.Marshal(v.kept)
	if err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	nonce := make([]byte, v.seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	if err := v.records.PutRecord(ctx, vaultSpace, vaultKey, v.seal.Seal(nonce, nonce, text, nil)); err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	v.loaded = true
	return nil
}

// Replace gives MSAL what is kept. With a vault that cannot be read it has nothing, so that somebody can sign in anew.
func (v *vault) Replace(ctx context.Context, c cache.Unmarshaler, _ cache.ReplaceHints) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.look(ctx); err != nil && !errors.Is(err, errSealed) {
		return err
	}
	if len(v.kept.Cache) == 0 {
		return nil
	}
	return c.Unmarshal(v.kept.Cache)
}

// Export keeps what MSAL has changed, which it does when it has got new tokens.
func (v *vault) Export(ctx context.Context, c cache.Marshaler, _ cache.ExportHints) error {
	text, err := c.Marshal()
	if err != nil {
		return errors.New("the tokens of the sign-in cannot be kept") // MSAL's error may quote them
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept.Cache, v.kept.RenewedAt = text, time.Now().UTC()
	return v.save(ctx)
}

// dropAccessTokens leaves only what new access tokens are bought with. MSAL has no call for that, so it knows the name
// of one section of the cache, which is that of MSAL in all languages; a test holds it to this version.
func (v *vault) dropAccessTokens(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.look(ctx); err != nil {
		return err
	}
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(v.kept.Cache, &sections); err != nil {
		return errors.New("the kept tokens cannot be read")
	}
	delete(sections, "AccessToken")
	text, err := json.Marshal(sections)
	if err != nil {
		return errors.New("the kept tokens cannot be written")
	}
	v.kept.Cache = text
	return v.save(ctx)
}

func (v *vault) signedIn(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept.SignedInAt = time.Now().UTC()
	return v.save(ctx)
}

func (v *vault) state(ctx context.Context) (kept, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.look(ctx)
	return v.kept, err
}
