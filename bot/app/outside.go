package app

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"slices"
	"strings"

	"refreshbot/bot"
	"refreshbot/bot/check"
	"refreshbot/bot/config"
	"refreshbot/jobs/entra"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/finops"
	"refreshbot/jobs/lcs"
	"refreshbot/jobs/phases"

	"github.com/slack-go/slack"
)

// outside is every client of an outside service.
type outside struct {
	transport    *http.Transport
	slack        *slack.Client
	user         *entra.User
	app          *entra.App
	lcs          *lcs.Client
	environments map[string]phases.Environment
	companions   map[string]*finops.Companion
	web          *http.Client
}

// steps are what the steps of a refresh work with.
func (out *outside) steps(cfg *config.Config, journal phases.Journal, people phases.People) phases.Options {
	companions := map[string]phases.Companion{}
	for name, c := range out.companions {
		companions[name] = c
	}
	return phases.Options{
		Copier: out.lcs, Environments: out.environments, Companions: companions, AppID: cfg.FinOps.ClientID,
		StatusPoll: cfg.LCS.Poll, AnswerPoll: cfg.FinOps.Poll, Journal: journal, People: people, Secret: config.Resolve, HTTP: out.web,
	}
}

// connect makes the clients. It sends nothing. records is where a person's sign-in is kept; nil: there is none.
func connect(cfg *config.Config, records entra.Records) (*outside, error) {
	roots, err := cfg.TLS.RootCAs()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	web := &http.Client{Transport: failpoint.Transport(transport)}

	out := &outside{transport: transport, web: web, environments: map[string]phases.Environment{}, companions: map[string]*finops.Companion{}}
	out.slack = bot.NewAPI(cfg.Slack.BotToken.Reveal(), cfg.Slack.AppToken.Reveal(), cfg.Slack.APIURL, failpoint.Transport(transport))
	account := entra.UserOptions{
		Authority: cfg.Entra.Authority, Tenant: cfg.Entra.Tenant, ClientID: cfg.LCS.ClientID, Username: cfg.LCS.Username,
		Records: records, Lasts: cfg.LCS.SignInLasts, Scope: entra.LCSScope(cfg.LCS.APIURL), HTTP: web,
	}
	if cfg.LCS.TokenKey.IsSet() {
		account.TokenKey = revealed(cfg.LCS.TokenKey)
	} else {
		account.Password = revealed(cfg.LCS.Password)
	}
	if out.user, err = entra.NewUser(account); err != nil {
		return nil, err
	}
	app := entra.AppOptions{
		Authority: cfg.Entra.Authority, Tenant: cfg.Entra.Tenant, ClientID: cfg.FinOps.ClientID,
		FederatedTokenFile: cfg.FinOps.FederatedToken, HTTP: web,
	}
	if cfg.FinOps.ClientSecret.IsSet() {
		app.ClientSecret = revealed(cfg.FinOps.ClientSecret)
	}
	if cfg.FinOps.Certificate != "" {
		app.Certificate = func() (string, error) {
			pem, err := os.ReadFile(cfg.FinOps.Certificate)
			return string(pem), err
		}
	}
	if out.app, err = entra.NewApp(app); err != nil {
		return nil, err
	}
	out.lcs = lcs.New(lcs.Options{BaseURL: cfg.LCS.APIURL, ProjectID: int(cfg.LCS.Project), Token: out.user.Token, Forget: out.user.Forget, HTTP: web, Timeout: cfg.LCS.Timeout})
	for _, e := range cfg.Environments {
		client := finops.New(finops.Options{
			URL: e.URL, HTTP: web, Timeout: cfg.FinOps.Timeout, Settle: cfg.FinOps.Settle, Forget: out.app.Forget,
			Token: func(ctx context.Context) (string, error) { return out.app.Token(ctx, e.URL) },
		})
		out.environments[e.Name], out.companions[e.Name] = client, client.Companion()
	}
	return out, nil
}

func revealed(s config.Secret) func() (string, error) {
	return func() (string, error) { return s.Reveal(), nil }
}

// slackOptions gathers every channel and user group that the configuration names.
func (out *outside) slackOptions(cfg *config.Config) check.SlackOptions {
	o := check.SlackOptions{
		BotToken: cfg.Slack.BotToken.Reveal(), AppToken: cfg.Slack.AppToken.Reveal(), APIURL: cfg.Slack.APIURL, Transport: out.transport,
	}
	for _, e := range cfg.Targets() {
		o.Channels = append(o.Channels, e.Refresh.Channel)
		named := slices.Concat(e.Refresh.Requesters, e.Refresh.Approve.By, e.Refresh.SignOff.By)
		for _, a := range e.Refresh.Notify {
			o.Channels, named = append(o.Channels, a.Channel), append(named, a.Mention)
		}
		if e.Refresh.Open != nil {
			named = append(named, e.Refresh.Open.By...)
		}
		named = append(named, e.Refresh.Users.SlackGroup)
		for _, id := range named {
			if strings.HasPrefix(id, "S") {
				o.Groups = append(o.Groups, id)
			}
		}
	}
	slices.Sort(o.Channels)
	slices.Sort(o.Groups)
	o.Channels, o.Groups = slices.Compact(o.Channels), slices.Compact(o.Groups)
	return o
}
