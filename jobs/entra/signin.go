package entra

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"refreshbot/jobs/refresh"
)

const (
	// idleLife is how long a refresh token lives that nobody uses (Microsoft Learn, "Refresh tokens in the Microsoft
	// identity platform", Token lifetime: 90 days).
	idleLife = 90 * 24 * time.Hour
	// ahead is how long before a sign-in lapses it is time to say so.
	ahead = 7 * 24 * time.Hour
	// renewal is how often a kept sign-in is used, so that it never lies idle.
	renewal = 24 * time.Hour
)

// Code is what a person enters on Entra's page to sign the account in.
type Code struct {
	User    string // the code itself
	URL     string // the page
	Expires time.Time
}

var errPassword = refresh.Errorf(refresh.Refused, "refreshbot signs in to LCS with lcs.password, so there is nothing to do. For an account with multi-factor authentication put lcs.token_key in its place.")

// SignIn begins a sign-in with a device code (Microsoft Learn, "OAuth 2.0 device authorization grant"). finish waits
// until a person has entered the code, which may take until it expires, and returns when the sign-in ends by itself or
// at the latest. Errors of both are like those of Token; Refused when the account signs in with its password.
func (u *User) SignIn(ctx context.Context) (code Code, finish func(context.Context) (Lapse, error), err error) {
	if u.vault == nil {
		return Code{}, nil, errPassword
	}
	device, err := u.client.AcquireTokenByDeviceCode(ctx, u.scopes)
	if err != nil {
		return Code{}, nil, u.who.failure(err)
	}
	code = Code{User: device.Result.UserCode, URL: device.Result.VerificationURL, Expires: device.Result.ExpiresOn}
	return code, func(ctx context.Context) (Lapse, error) { return u.finish(ctx, device) }, nil
}

func (u *User) finish(ctx context.Context, device public.DeviceCode) (Lapse, error) {
	res, err := device.AuthenticationResult(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return Lapse{}, interrupted(ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return Lapse{}, refresh.Errorf(refresh.Refused, "Nobody entered the code in time, so nobody is signed in. /refresh sign-in gives a new one.")
	case networkCause(err) != nil:
		return Lapse{}, u.who.failure(err)
	default: // MSAL has read the reply, so nothing more is known than that Entra refused
		return Lapse{}, refresh.Errorf(refresh.Refused, "Microsoft Entra did not complete the sign-in: it was declined, or the code had run out. /refresh sign-in gives a new one.")
	}
	if !strings.EqualFold(res.Account.PreferredUsername, u.who.username) {
		if err := u.client.RemoveAccount(ctx, res.Account); err != nil {
			return Lapse{}, refresh.Errorf(refresh.Internal, "The tokens of the wrong account could not be removed; type /refresh sign-in again.")
		}
		return Lapse{}, refresh.Errorf(refresh.Refused, "%s signed in, but lcs.username is %s. Type /refresh sign-in again and use that account, in a private window of the browser.", res.Account.PreferredUsername, u.who.username)
	}
	if err := u.vault.signedIn(ctx); err != nil {
		return Lapse{}, err
	}
	return u.lapse(ctx)
}

// Lapse says when a kept sign-in ends by itself unless it is renewed. The zero value: it does not, since the account
// signs in with its password.
type Lapse struct {
	SignedInAt time.Time
	At         time.Time
}

// lapse reads it. A sign-in that is used lives on, unless the tenant wants a person from time to time.
func (u *User) lapse(ctx context.Context) (Lapse, error) {
	k, err := u.vault.state(ctx)
	if err != nil {
		return Lapse{}, err
	}
	l := Lapse{SignedInAt: k.SignedInAt, At: k.RenewedAt.Add(idleLife)}
	if u.lasts > 0 {
		if end := k.SignedInAt.Add(u.lasts); end.Before(l.At) {
			l.At = end
		}
	}
	return l, nil
}

// Keep uses a kept sign-in once a day, so that it never lies idle for so long that it lapses, and warns once a day when
// a person is needed: soon, or because it has ended. It returns when ctx ends, at once for an account with a password.
func (u *User) Keep(ctx context.Context, warn func(text string)) {
	if u.vault == nil {
		return
	}
	for {
		if text := u.renew(ctx); text != "" && ctx.Err() == nil {
			warn(text)
		}
		timer := time.NewTimer(renewal)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// renew uses the sign-in and returns what an admin has to know about it.
func (u *User) renew(ctx context.Context) string {
	_, err := u.Token(ctx)
	if code := refresh.CodeOf(err); code == refresh.Denied {
		return refresh.MessageOf(err)
	}
	l, lapseErr := u.lapse(ctx)
	if lapseErr != nil || l.SignedInAt.IsZero() || time.Until(l.At) > ahead {
		return "" // what passes is tried again tomorrow, and by everything that needs a token
	}
	return fmt.Sprintf("The sign-in of %s to LCS lapses on %s. Type /refresh sign-in before that, so that no refresh stands still.", u.who.username, l.At.Format("Monday 2 January 2006 15:04 MST"))
}
