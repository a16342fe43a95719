package phases

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// Snapshot is what belongs to the target itself and not to the source, read just before the copy. It holds no
// secret: those that F&O keeps encrypted cannot be read at all.
type Snapshot struct {
	Users       []refresh.User       `json:"users"`      // who was enabled
	UserRoles   []refresh.UserRole   `json:"user_roles"` // of those
	BatchJobs   []refresh.BatchJob   `json:"batch_jobs"` // which were waiting
	BatchGroups []refresh.BatchGroup `json:"batch_groups"`
	Email       []map[string]any     `json:"email"`
	AADClients  []refresh.AADClient  `json:"entra_applications"`
	Documents   []map[string]any     `json:"document_parameters"`
	Unread      map[Area]string      `json:"unread,omitempty"` // areas that could not be read, and why
}

// records is an area that is read and written back as it stands: the entity, its key, and the fields that differ
// between environments. Other fields may be read-only, so they are left alone.
type records struct {
	entity string
	key    []string
	fields []string
}

func emailRecords() records {
	return records{"EmailParameters", []string{"ID"}, []string{"MailerNonInteractive", "MaximumEmailAttachmentSize",
		"SMTPPortNumber", "SMTPRelayServerName", "SMTPRequireSSL", "SMTPUseNTLM", "SMTPUserName"}}
}

func documentRecords() records {
	return records{"DocumentParameters", []string{"dataAreaId", "Key"}, []string{"ActiveTable", "DefaultSharePointServer",
		"MaxFileSizeInFileSystem", "WebAppsServerURL"}}
}

func (r records) read(ctx context.Context, env Environment) ([]map[string]any, error) {
	return env.Rows(ctx, refresh.Query{Entity: r.entity, Select: slices.Concat(r.key, r.fields), CrossCompany: true})
}

// name tells a row from the others, here and in another environment.
func (r records) name(row map[string]any) string {
	var parts []string
	for _, k := range r.key {
		parts = append(parts, fmt.Sprint(row[k]))
	}
	return r.entity + " " + strings.Join(parts, ", ")
}

// changed are the fields of a row, as it was, in which it is another by now.
func (r records) changed(was, is map[string]any) map[string]any {
	set := map[string]any{}
	for _, f := range r.fields {
		if v, had := was[f]; had && v != nil && fmt.Sprint(is[f]) != fmt.Sprint(v) {
			set[f] = v
		}
	}
	return set
}

// snapshot reads every area, whether or not the configuration keeps it: after the copy it is too late to ask.
func (p *Performer) snapshot(ctx context.Context, j job) refresh.Outcome {
	s := Snapshot{Unread: map[Area]string{}}
	var passing error
	read := func(area Area, do func() error) {
		switch err := do(); refresh.CodeOf(err) {
		case "":
		case refresh.Offline, refresh.Throttled, refresh.Unknown:
			passing = err
		default:
			s.Unread[area] = refresh.MessageOf(err)
		}
	}
	read(AreaUsers, func() (err error) {
		s.Users, err = j.target.Users(ctx)
		s.Users = slices.DeleteFunc(s.Users, func(u refresh.User) bool { return !u.Enabled })
		return err
	})
	read(AreaUserRoles, func() (err error) {
		if why := s.Unread[AreaUsers]; why != "" {
			return refresh.Errorf(refresh.NotFound, "%s", why) // whose roles they are is not known
		}
		enabled := map[string]bool{}
		for _, u := range s.Users {
			enabled[strings.ToLower(u.ID)] = true
		}
		s.UserRoles, err = j.target.UserRoles(ctx)
		s.UserRoles = slices.DeleteFunc(s.UserRoles, func(r refresh.UserRole) bool { return !enabled[strings.ToLower(r.UserID)] })
		return err
	})
	read(AreaBatchJobs, func() (err error) {
		s.BatchJobs, err = j.target.BatchJobs(ctx)
		s.BatchJobs = slices.DeleteFunc(s.BatchJobs, func(b refresh.BatchJob) bool { return b.Status != refresh.BatchWaiting })
		return err
	})
	read(AreaBatchGroups, func() (err error) { s.BatchGroups, err = j.target.BatchGroups(ctx); return err })
	read(AreaEmail, func() (err error) { s.Email, err = emailRecords().read(ctx, j.target); return err })
	read(AreaEntraApplications, func() (err error) { s.AADClients, err = j.target.AADClients(ctx); return err })
	read(AreaDocumentParameters, func() (err error) { s.Documents, err = documentRecords().read(ctx, j.target); return err })
	if passing != nil {
		return failed(passing)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return failed(fmt.Errorf("encode the snapshot: %w", err))
	}
	o := done(fmt.Sprintf("%d enabled users with %d role assignments, %d waiting batch jobs, %d batch group assignments, %d Entra applications",
		len(s.Users), len(s.UserRoles), len(s.BatchJobs), len(s.BatchGroups), len(s.AADClients)))
	for area, why := range s.Unread {
		o.Findings = append(o.Findings, refresh.Finding{Name: area.Title(), Detail: "could not be read: " + why})
	}
	slices.SortFunc(o.Findings, func(a, b refresh.Finding) int { return strings.Compare(a.Name, b.Name) })
	o.Snapshot = data
	return o
}

// remembered returns the snapshot of this refresh. NotFound when none was taken.
func (p *Performer) remembered(ctx context.Context, r refresh.Refresh) (Snapshot, error) {
	var s Snapshot
	if r.Snapshot == 0 {
		return s, refresh.Errorf(refresh.NotFound, "No snapshot of %s was taken before the copy.", r.Target.Name)
	}
	entries, err := p.Journal.Journal(ctx, r.ID, r.Snapshot-1)
	if err != nil {
		return s, fmt.Errorf("read the snapshot: %w", err)
	}
	var e refresh.SnapshotTaken
	found := false
	if len(entries) > 0 {
		e, found = entries[0].Event.(refresh.SnapshotTaken)
	}
	if !found {
		return s, refresh.Errorf(refresh.Internal, "The snapshot of %s is not where the journal says.", r.Target.Name)
	}
	d := json.NewDecoder(bytes.NewReader(e.Data))
	d.UseNumber() // numbers of 64 bits stay exact
	if err := d.Decode(&s); err != nil {
		return s, &refresh.Error{Code: refresh.Internal, Msg: "The snapshot of " + r.Target.Name + " cannot be read.", Err: err}
	}
	return s, nil
}
