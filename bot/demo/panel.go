package demo

import (
	"fmt"
	"strings"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
)

// panel says what the environments really hold, for the page.
func panel(cloud *cloudsim.Cloud) []slacksim.PanelSection {
	list := []slacksim.PanelSection{section("Production", cloud.Snapshot("prod")), section("UAT", cloud.Snapshot("uat"))}
	if codes := cloud.DeviceCodes(); len(codes) > 0 {
		list = append([]slacksim.PanelSection{signIn(codes, cloud.LCSUser())}, list...)
	}
	return list
}

// signIn stands for Microsoft's page on which a code is entered.
func signIn(codes []string, account string) slacksim.PanelSection {
	s := slacksim.PanelSection{Title: "Microsoft Entra", Subtitle: "https://microsoft.com/devicelogin", Tone: "warn", Status: "Waits for a person"}
	for _, code := range codes {
		s.Rows = append(s.Rows, slacksim.PanelRow{Label: "Code", Value: code})
		s.Buttons = append(s.Buttons, slacksim.PanelButton{Action: code, Label: "Enter " + code + " as " + account})
	}
	return s
}

func section(title string, e cloudsim.Environment) slacksim.PanelSection {
	s := slacksim.PanelSection{Title: title, Subtitle: e.URL, Tone: "ok", Status: "Online"}
	if !e.Online {
		s.Tone, s.Status = "down", "Offline"
	}
	for _, b := range e.Broadcasts {
		s.Banner = fmt.Sprintf("Downtime from %s to %s UTC", b.From.UTC().Format("15:04:05"), b.To.UTC().Format("15:04:05"))
	}
	if op := e.Operation; op.ID != "" {
		row := slacksim.PanelRow{Label: "LCS operation", Value: op.Title + ": " + op.Status}
		if !op.Ended() {
			row.Tone = "warn"
		}
		if strings.Contains(op.Status, "Fail") || strings.Contains(op.Status, "Rollback") {
			row.Tone = "bad"
		}
		s.Rows = append(s.Rows, row)
	}
	s.Rows = append(s.Rows,
		slacksim.PanelRow{Label: "Sales orders", Value: fmt.Sprint(e.SalesOrders)},
		slacksim.PanelRow{Label: "Data as of", Value: e.DataAsOf.UTC().Format("2006-01-02 15:04 UTC")},
		users(e), jobs(e), groups(e),
		slacksim.PanelRow{Label: "E-mail server", Value: orNone(e.Email.Server)},
		registrations(e),
	)
	return s
}

func users(e cloudsim.Environment) slacksim.PanelRow {
	row := slacksim.PanelRow{Label: "Users enabled"}
	for _, u := range e.Users {
		if u.Enabled {
			row.Detail = append(row.Detail, fmt.Sprintf("%s (%s)", u.Name, u.ID))
		}
	}
	row.Value = fmt.Sprintf("%d of %d", len(row.Detail), len(e.Users))
	return row
}

func jobs(e cloudsim.Environment) slacksim.PanelRow {
	row := slacksim.PanelRow{Label: "Batch jobs"}
	waiting, withheld := 0, 0
	for _, j := range e.BatchJobs {
		status := j.Status
		switch status {
		case "Waiting":
			waiting++
		case "Hold":
			withheld++
			status = "Withhold"
		}
		row.Detail = append(row.Detail, j.Description+": "+status)
	}
	row.Value = fmt.Sprintf("%d waiting, %d withheld", waiting, withheld)
	return row
}

func groups(e cloudsim.Environment) slacksim.PanelRow {
	row := slacksim.PanelRow{Label: "Batch group servers", Value: fmt.Sprint(len(e.BatchGroups))}
	for _, g := range e.BatchGroups {
		name := g.GroupID
		if name == "" {
			name = "(default)"
		}
		row.Detail = append(row.Detail, name+" on "+g.ServerID)
	}
	return row
}

func registrations(e cloudsim.Environment) slacksim.PanelRow {
	row := slacksim.PanelRow{Label: "Entra applications", Value: fmt.Sprint(len(e.AADClients))}
	for _, c := range e.AADClients {
		row.Detail = append(row.Detail, c.Name+" as "+c.UserID)
	}
	return row
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
