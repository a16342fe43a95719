package phases_test

import (
	"strings"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func (b *bench) guard(entity string, where map[string]any) refresh.Outcome {
	b.t.Helper()
	return b.perform(refresh.KindGuard, phases.GuardParams{Probes: []phases.Probe{{Name: "Mail", Entity: entity, Where: where}}})
}

const notYet = "Users must not get in yet. Mail: "

func TestTheGuardFindsWhatIsLeftOfTheSource(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.Mutate("uat", func(e *cloudsim.Environment) {
		e.Email = cloudsim.EmailParameters{Server: "SMTP.contoso.com", Port: 587, RequireSSL: "Yes", MaxAttachment: 1_000_000}
		e.BatchJobs[0].RecID = 1<<53 + 1
	})
	jobs := b.Snapshot("uat").BatchJobs
	for _, tc := range []struct {
		name   string
		entity string
		where  map[string]any
		found  bool
	}{
		{"a text in another case", "EmailParameters", map[string]any{"SMTPRelayServerName": "smtp.Contoso.com"}, true},
		{"another text", "EmailParameters", map[string]any{"SMTPRelayServerName": "smtp-test.contoso.com"}, false},
		{"part of a text", "EmailParameters", map[string]any{"SMTPRelayServerName": "contoso"}, false},
		{"a number", "EmailParameters", map[string]any{"SMTPPortNumber": 587}, true},
		{"a number as text", "EmailParameters", map[string]any{"SMTPPortNumber": "587"}, true},
		{"another number", "EmailParameters", map[string]any{"SMTPPortNumber": 25}, false},
		{"a number that a float would write with an exponent", "EmailParameters", map[string]any{"MaximumEmailAttachmentSize": 1_000_000}, true},
		{"a number with decimals", "EmailParameters", map[string]any{"SMTPPortNumber": 587.5}, false},
		{"a number of 64 bits", "BatchJobs", map[string]any{"BatchJobRecId": jobs[0].RecID}, true},
		{"its neighbour, which is the same float", "BatchJobs", map[string]any{"BatchJobRecId": jobs[0].RecID - 1}, false},
		{"an enum", "EmailParameters", map[string]any{"SMTPRequireSSL": "yes"}, true},
		{"an enum as a bool", "EmailParameters", map[string]any{"SMTPRequireSSL": true}, true},
		{"the other value of an enum", "EmailParameters", map[string]any{"SMTPRequireSSL": false}, false},
		{"a bool", "SystemUsers", map[string]any{"UserID": "Admin", "Enabled": true}, true},
		{"a bool as an enum", "SystemUsers", map[string]any{"UserID": "Admin", "Enabled": "No"}, false},
		{"all fields fit", "EmailParameters", map[string]any{"SMTPPortNumber": 587, "SMTPRequireSSL": "Yes"}, true},
		{"one of two fields fits", "EmailParameters", map[string]any{"SMTPPortNumber": 587, "SMTPRequireSSL": "No"}, false},
		{"another legal entity", "DocumentParameters", map[string]any{"WebAppsServerURL": "https://office.contoso.com", "dataAreaId": "demf"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := b.in(t)
			o := b.guard(tc.entity, tc.where)
			if !tc.found {
				b.want(o, refresh.Succeeded, "", "1 probe found nothing of the source's")
				b.good(o, "Mail", "records of "+tc.entity)
				return
			}
			b.want(o, refresh.Failure, refresh.Refused, notYet+tc.entity+" has ")
			for field := range tc.where {
				b.bad(o, "Mail", field+" ")
			}
		})
	}
	b.bad(b.guard("DocumentParameters", map[string]any{"Key": 0}), "Mail", "in usmf")
}

func TestAProbeThatCouldNeverFindAnythingFails(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.want(b.guard("EmailParameters", map[string]any{"smtpRelayServerName": "x"}), refresh.Failure, refresh.Refused, notYet+"EmailParameters has no field smtpRelayServerName")
	b.want(b.guard("NoSuchEntities", map[string]any{"A": "x"}), refresh.Failure, refresh.NotFound, notYet, "nothing of that name")
	b.Fail("uat", "EmailParameters", cloudsim.Fault{Status: 503})
	b.want(b.guard("EmailParameters", map[string]any{"SMTPPortNumber": 1}), refresh.Failure, refresh.Offline, notYet)
	b.Mutate("uat", func(e *cloudsim.Environment) { e.DocumentParameters = nil })
	b.want(b.guard("DocumentParameters", map[string]any{"Anything": 1}), refresh.Succeeded, "")
}

func TestEveryProbeIsMade(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.Fail("uat", "DocumentParameters", cloudsim.Fault{Status: 503})
	o := b.perform(refresh.KindGuard, phases.GuardParams{Probes: []phases.Probe{
		{Name: "Documents", Entity: "DocumentParameters", Where: map[string]any{"Key": 0}},
		{Name: "Withheld", Entity: "BatchJobs", Where: map[string]any{"Status": "Hold"}},
		{Name: "Waiting", Entity: "BatchJobs", Where: map[string]any{"Status": "Waiting"}},
	}})
	b.want(o, refresh.Failure, refresh.Refused, "Users must not get in yet. Documents: ", "(and 1 more)") // waiting would not cure it
	b.bad(o, "Withheld", "more")
	b.good(o, "Waiting", "none of")
	if f, _ := finding(o, "Withheld"); strings.Count(f.Detail, "Status Hold") != 5 {
		t.Errorf("%q, want the first five", f.Detail)
	}
}
