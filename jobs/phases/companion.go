package phases

import (
	"context"
	"fmt"
	"strings"

	"refreshbot/jobs/refresh"
)

// Companion is refreshbot's own custom service in an environment, for what OData cannot reach. It is optional:
// what it would do is asked of a person where it is not installed.
type Companion interface {
	// Installed reports whether the service is there. Errors are those of the environment itself.
	Installed(ctx context.Context) (bool, error)
	// PriorityScheduling reports whether batch groups need no servers. False where the service is not there.
	PriorityScheduling(ctx context.Context) (bool, error)
	RefreshEntityStore(ctx context.Context, entities []string) error
	SetHelp(ctx context.Context, library string) error
	SetEncryptedField(ctx context.Context, f refresh.EncryptedField, value string) error
	SetSMTPPassword(ctx context.Context, user, password string) error
}

// setEmail writes the parameters and reads them back. The password is set through the companion service; secret
// is a reference, empty when the configuration has none.
func (p *Performer) setEmail(ctx context.Context, j job, want refresh.EmailParameters, secret string) refresh.Outcome {
	if err := j.target.SetEmailParameters(ctx, want); err != nil {
		return failed(err)
	}
	got, err := j.target.EmailParameters(ctx)
	if err != nil {
		return failed(err)
	}
	if got != want {
		return failed(refresh.Errorf(refresh.Refused, "The e-mail parameters were written, but reading them back shows %s:%d. Check them in System administration > Setup > Email > Email parameters.", got.Server, got.Port))
	}
	set := fmt.Sprintf("E-mail goes through %s:%d.", want.Server, want.Port)
	if want.User == "" {
		return done(set)
	}
	typeIn := manually(set + " " + passwordByHand(want.User))
	if secret == "" {
		return typeIn
	}
	return p.throughCompanion(ctx, j, typeIn, func(c Companion) error {
		password, err := p.Secret(secret)
		if err != nil {
			return err
		}
		return c.SetSMTPPassword(ctx, want.User, password)
	}, set+" The password is set.")
}

func (p *Performer) entityStore(ctx context.Context, j job) refresh.Outcome {
	want, err := params[EntityStoreParams](j.step)
	if err != nil {
		return failed(err)
	}
	names := strings.Join(want.Entities, ", ")
	return p.throughCompanion(ctx, j, manually("System administration > Setup > Entity store: refresh "+names+"."),
		func(c Companion) error { return c.RefreshEntityStore(ctx, want.Entities) }, "The entity store refreshes "+names+".")
}

func (p *Performer) systemParameters(ctx context.Context, j job) refresh.Outcome {
	want, err := params[SystemParams](j.step)
	if err != nil {
		return failed(err)
	}
	return p.throughCompanion(ctx, j, manually("System administration > Setup > System parameters > Help: choose the library "+want.HelpLibrary+"."),
		func(c Companion) error { return c.SetHelp(ctx, want.HelpLibrary) }, "LCS Help uses the library "+want.HelpLibrary+".")
}

func (p *Performer) encryptedField(ctx context.Context, j job) refresh.Outcome {
	want, err := params[EncryptedParams](j.step)
	if err != nil {
		return failed(err)
	}
	name := want.Table + "." + want.Field
	return p.throughCompanion(ctx, j, manually("Type in "+name+" again: a refresh blanks every field that is kept encrypted."), func(c Companion) error {
		value, err := p.Secret(want.Secret)
		if err != nil {
			return err
		}
		return c.SetEncryptedField(ctx, want.EncryptedField, value)
	}, name+" is set.")
}

// throughCompanion does something through the companion service, or leaves it to a person where there is none.
func (p *Performer) throughCompanion(ctx context.Context, j job, otherwise refresh.Outcome, do func(Companion) error, good string) refresh.Outcome {
	c := p.Companions[j.refresh.Target.Name]
	if c == nil {
		return otherwise
	}
	installed, err := c.Installed(ctx)
	switch {
	case err != nil:
		return failed(err)
	case !installed:
		return otherwise
	}
	if err := do(c); err != nil {
		return failed(err)
	}
	return done(good)
}

func passwordByHand(user string) string {
	return "Type in the SMTP password of " + user + ": System administration > Setup > Email > Email parameters > SMTP settings."
}
