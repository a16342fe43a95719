package config

import "time"

// The sections of the file, each with its keys. What a required key says after its name completes the sentence
// "is missing: add …".

const aSecret = ", as {env: NAME} or {file: PATH}"

func (d *decoder) config(out *Config) reader {
	return func(v value) {
		d.object(v,
			must("slack", "the section with the app's tokens and channel", d.slack(&out.Slack)),
			must("entra", "the section with the tenant", d.entra(&out.Entra)),
			must("lcs", "the section with the Lifecycle Services project and account", d.lcs(&out.LCS)),
			must("finops", "the section with the application that signs in to the environments", d.finops(&out.FinOps)),
			may("tls", d.tls(&out.TLS)),
			may("store", d.store(&out.Store)),
			may("http", d.http(&out.HTTP)),
			may("time_zone", d.zone(&out.TimeZone)),
			may("admins", list(d, &out.Admins, d.user)),
			may("reminders", d.reminders(&out.Reminders)),
			may("quiet_hours", d.quiet(&out.QuietHours)),
			may("texts", d.texts(&out.Texts)),
			may("blackouts", d.blackouts(&out.Blackouts)),
			must("environments", "the environments, at least a source and a target", d.environments(&out.Environments)),
		)
		d.placed(v, out)
	}
}

func (d *decoder) slack(out *Slack) reader {
	return func(v value) {
		api := ""
		d.object(v,
			must("bot_token", "the bot token, xoxb-…"+aSecret, d.secret(&out.BotToken, "xoxb-")),
			must("app_token", "the app-level token with connections:write, xapp-…"+aSecret, d.secret(&out.AppToken, "xapp-")),
			must("channel", "the id of the channel where refreshes are posted", d.channel(&out.Channel)),
			may("api_url", d.base(&api, true)),
			may("settle", d.duration(&out.Settle, false)),
			may("pace", d.duration(&out.Pace, false)),
		)
		if api != "" {
			out.APIURL = api + "/" // method names are appended to it
		}
	}
}

func (d *decoder) entra(out *Entra) reader {
	return func(v value) {
		d.object(v,
			must("tenant", "the tenant's GUID or domain", d.matching(&out.Tenant, tenant, "must be the tenant's GUID or a domain such as contoso.com")),
			may("authority", d.base(&out.Authority, false)),
		)
	}
}

func (d *decoder) lcs(out *LCS) reader {
	return func(v value) {
		d.object(v,
			must("project", "the number of the Lifecycle Services project", whole(d, &out.Project, 1, 1<<62)),
			must("client_id", "the application's GUID", d.guid(&out.ClientID)),
			must("username", "the sign-in name of the account (Lifecycle Services knows delegated sign-in only)", d.text(&out.Username)),
			may("password", d.secret(&out.Password, "")),
			may("token_key", d.secret(&out.TokenKey, "")),
			may("sign_in_lasts", d.duration(&out.SignInLasts, false)),
			may("api_url", d.base(&out.APIURL, false)),
			may("poll", d.duration(&out.Poll, false)),
			may("timeout", d.duration(&out.Timeout, false)),
			may("settle", d.duration(&out.Settle, false)),
		)
		password, withPassword := at(v, "password")
		key, withKey := at(v, "token_key")
		lasts, withLasts := at(v, "sign_in_lasts")
		switch {
		case !withPassword && !withKey:
			d.fail(v, "has no password: add password"+aSecret+", or, for an account with multi-factor authentication, token_key")
		case withPassword && withKey:
			d.fail(key, "stands beside %s on line %d: keep the password for an account without multi-factor authentication, and the key for one with it", password.path, password.line)
		case withKey && out.TokenKey.IsSet() && len(out.TokenKey.Reveal()) < shortestKey:
			d.fail(key, "leads to less than %d characters: make one with openssl rand -base64 32", shortestKey)
		case withLasts && !withKey:
			d.fail(lasts, "is for an account that a person signs in: add token_key, or remove it")
		}
	}
}

// shortestKey is the length below which a key is guessed sooner than it should be.
const shortestKey = 24

func (d *decoder) finops(out *FinOps) reader {
	return func(v value) {
		d.object(v,
			must("client_id", "the application's GUID", d.guid(&out.ClientID)),
			may("client_secret", d.secret(&out.ClientSecret, "")),
			may("certificate", d.certificate(&out.Certificate)),
			may("federated_token", d.federatedToken(&out.FederatedToken)),
			may("poll", d.duration(&out.Poll, false)),
			may("timeout", d.duration(&out.Timeout, false)),
			may("settle", d.duration(&out.Settle, false)),
		)
		var written []value
		for _, key := range []string{"client_secret", "certificate", "federated_token"} {
			if c, ok := at(v, key); ok {
				written = append(written, c)
			}
		}
		switch {
		case len(written) == 0:
			d.fail(v, "has no credential: add one of client_secret, certificate and federated_token")
		case len(written) > 1:
			d.fail(written[1], "is a second credential, beside %s on line %d: keep one of them", written[0].path, written[0].line)
		}
	}
}

func (d *decoder) tls(out *TLS) reader {
	return func(v value) {
		d.object(v, must("ca_file", "a PEM file with the certificates to trust besides the system's", d.caFile(out)))
	}
}

func (d *decoder) store(out *Store) reader {
	return func(v value) { d.object(v, may("path", d.path(&out.Path)), may("backup", d.backup(&out.Backup))) }
}

func (d *decoder) backup(out **Backup) reader {
	return func(v value) {
		b := &Backup{Every: time.Hour, Keep: 48}
		d.object(v,
			must("dir", "the directory for the copies, best on another disk", d.path(&b.Dir)),
			may("every", d.duration(&b.Every, false)),
			may("keep", whole(d, &b.Keep, 1, 10_000)),
		)
		*out = b
	}
}

func (d *decoder) http(out *HTTP) reader {
	return func(v value) { d.object(v, may("addr", d.address(&out.Addr))) }
}
