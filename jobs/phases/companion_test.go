package phases_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// companions are the items that need the companion service, and what a person is told where it is missing.
var companions = map[string]struct {
	kind   refresh.Kind
	params any
	byHand string
	good   string
	did    func(cloudsim.Environment) bool
}{
	"the SMTP password": {
		refresh.KindEmail, phases.EmailParams{EmailParameters: refresh.EmailParameters{Server: "smtp", Port: 25, User: "erp@contoso.com"}, Secret: "env:SMTP"},
		"Type in the SMTP password of erp@contoso.com", "E-mail goes through smtp:25. The password is set.",
		func(e cloudsim.Environment) bool { return e.Email.PasswordSet && e.Email.User == "erp@contoso.com" },
	},
	"the entity store": {
		refresh.KindEntityStore, phases.EntityStoreParams{Entities: []string{"CustTransactions", "SalesOrderCube"}},
		"Setup > Entity store: refresh CustTransactions, SalesOrderCube.", "The entity store refreshes CustTransactions, SalesOrderCube.",
		func(e cloudsim.Environment) bool { return len(e.EntityStore) == 2 },
	},
	"an encrypted field": {
		refresh.KindEncrypted, phases.EncryptedParams{EncryptedField: refresh.EncryptedField{Table: "ExchangeRateProviderConfigurationDetails", Field: "Value"}, Secret: "env:SMTP"},
		"Type in ExchangeRateProviderConfigurationDetails.Value again", "ExchangeRateProviderConfigurationDetails.Value is set.",
		func(e cloudsim.Environment) bool {
			return slices.ContainsFunc(e.EncryptedFields, func(f cloudsim.EncryptedField) bool {
				return f.Table == "ExchangeRateProviderConfigurationDetails" && f.Field == "Value" && f.Set
			})
		},
	},
	"Help": {
		refresh.KindParameters, phases.SystemParams{HelpLibrary: "Test help"},
		"System parameters > Help: choose the library Test help.", "LCS Help uses the library Test help.",
		func(e cloudsim.Environment) bool { return e.HelpLibrary == "Test help" },
	},
}

func TestWhatTheCompanionServiceDoes(t *testing.T) {
	t.Parallel()
	for name, tc := range companions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).refreshed()
			b.secrets["env:SMTP"] = "Tr0ub4dor&3"
			says := func(o refresh.Outcome) {
				t.Helper()
				if text, err := json.Marshal(o); err != nil || strings.Contains(string(text), "Tr0ub4dor") {
					t.Errorf("the password is in the outcome: %s (%v)", text, err)
				}
			}
			o := b.perform(tc.kind, tc.params)
			b.want(o, refresh.ByHand, "", tc.byHand)
			says(o)
			if tc.did(b.Snapshot("uat")) {
				t.Error("done without the service")
			}

			b.InstallCompanion("uat", true)
			o = b.perform(tc.kind, tc.params)
			b.want(o, refresh.Succeeded, "", tc.good)
			says(o)
			if !tc.did(b.Snapshot("uat")) {
				t.Errorf("nothing came of it: %+v", b.Snapshot("uat"))
			}
			b.want(b.perform(tc.kind, tc.params), refresh.Succeeded, "", tc.good) // it may be done twice

			b.Fail("uat", "RefreshbotServices", cloudsim.Fault{Status: 503, Times: -1})
			b.want(b.perform(tc.kind, tc.params), refresh.Failure, refresh.Offline)
			b.ClearFaults()
			b.Fail("uat", "RefreshbotServices", cloudsim.Fault{Status: 500, Body: `{"Message":"An exception occured when invoking the operation - Tr0ub4dor&3 is weak","ExceptionType":"X"}`, Method: "POST", Times: -1})
			o = b.perform(tc.kind, tc.params)
			b.want(o, refresh.Failure, refresh.Refused)
			if tc.kind != refresh.KindEmail {
				return
			}
			b.ClearFaults()
			b.Fail("uat", "setSmtpPassword", cloudsim.Fault{Status: 500, Body: `{"Message":"An exception occured when invoking the operation - Tr0ub4dor&3 is weak","ExceptionType":"X"}`, Times: -1})
			o = b.perform(tc.kind, tc.params)
			b.want(o, refresh.Failure, refresh.Refused, "*** is weak")
			says(o)
		})
	}
}

func TestTheCompanionServiceKeepsOutOfProduction(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.InstallCompanion("uat", true)
	b.Mutate("uat", func(e *cloudsim.Environment) { e.Type = "Production" })
	before := b.Snapshot("uat").HelpLibrary
	b.want(b.perform(refresh.KindParameters, phases.SystemParams{HelpLibrary: "Test help"}), refresh.Failure, refresh.Refused, "sandbox environments only")
	if got := b.Snapshot("uat").HelpLibrary; got != before {
		t.Errorf("Help was connected to %q", got)
	}
}

func TestASecretIsReadWhenItIsUsed(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	email := companions["the SMTP password"].params
	b.want(b.perform(refresh.KindEmail, email), refresh.ByHand, "") // nobody asks for it here
	b.InstallCompanion("uat", true)
	b.want(b.perform(refresh.KindEmail, email), refresh.Failure, refresh.Invalid, "env:SMTP is not set")
	b.secrets["env:SMTP"] = "later"
	b.want(b.perform(refresh.KindEmail, email), refresh.Succeeded, "", "The password is set.")
}

func TestWhatTheCompanionServiceDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *cloudsim.Options) { o.Companion = true }).refreshed()
	b.want(b.perform(refresh.KindParameters, phases.SystemParams{HelpLibrary: "Nobody's"}), refresh.Failure, refresh.Refused, "Nobody's")
	b.want(b.perform(refresh.KindEntityStore, phases.EntityStoreParams{Entities: []string{"NoSuchMeasure"}}), refresh.Failure, refresh.Refused, "NoSuchMeasure")
	b.p.Companions = nil
	b.want(b.perform(refresh.KindParameters, phases.SystemParams{HelpLibrary: "Test help"}), refresh.ByHand, "", "Test help")
}
