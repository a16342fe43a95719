package phases

import (
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// leftover is what a refresh resets and this recipe does nothing about, so that it stands on the card and is not
// found out by a user. Sources: "Refresh database" and "Refresh for training purposes" on learn.microsoft.com.
func leftover(r Recipe) string {
	kept := func(area Area) bool { return len(r.Keep) == 0 || slices.Contains(r.Keep, area) } // none: it is offered
	does := func(kind refresh.Kind) bool {
		return slices.ContainsFunc(r.Items, func(i Item) bool { return i.Kind == kind })
	}
	lines := []string{"Do what matters here, then press Done."}
	add := func(covered bool, line string) {
		if !covered {
			lines = append(lines, "• "+line)
		}
	}
	add(kept(AreaBatchGroups) || does(refresh.KindBatchGroups), "Batch groups have no servers: System administration > Setup > Batch group.")
	add(kept(AreaBatchJobs) || does(refresh.KindBatchJobs), "All batch jobs are withheld: System administration > Inquiries > Batch jobs.")
	add(kept(AreaEmail) || does(refresh.KindEmail), "The mail server is blank: System administration > Setup > Email > Email parameters.")
	add(kept(AreaEntraApplications), "The Entra applications are the source's: System administration > Setup > Microsoft Entra applications.")
	add(kept(AreaDocumentParameters), "Document management points to the source: Organization administration > Document management.")
	add(does(refresh.KindEntityStore), "The entity store is the source's: System administration > Setup > Entity store.")
	add(does(refresh.KindParameters), "LCS Help is the source's: System administration > Setup > System parameters > Help.")
	add(false, "Attachments and Office templates are not copied: their links lead nowhere.")
	add(false, "Print management, network printers and batch server schedules are empty.")
	add(false, "E-mail addresses of contacts are blank, on purpose.")
	add(false, "Encrypted fields are blank: passwords and keys of payment, tax and exchange rate services.")
	add(false, "Business events and data events have no endpoints, dual-write is unlinked, change tracking is off.")
	add(false, "The SQL firewall list is empty, and the Financial reporting data mart may need a reset.")
	return strings.Join(lines, "\n")
}
