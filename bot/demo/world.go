package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/jobs/cloudsim"
)

// The people of the simulated workspace, and where they meet.
const (
	rita    = "U0RITA" // asks
	anna    = "U0ANNA" // approves
	ben     = "U0BEN"  // approves, and is an admin
	sam     = "U0SAM"  // may do neither
	release = "S0RELEASE"
	trainee = "S0TRAINEES"
	channel = "C0UAT"
	floor   = "C0TRAINEES" // where those are who work in uat
	german  = "C0VERTRIEB" // where those of them are who read German
)

func workspace(addr string, panel func() []slacksim.PanelSection) slacksim.Options {
	return slacksim.Options{
		Addr: addr, Workspace: "Contoso",
		Commands: []slacksim.Command{{
			Command: "/refresh", Description: "Refresh an F&O sandbox and prepare it for people", UsageHint: "uat | plan uat | status | history | users uat | cancel uat | help",
			Examples: []string{"/refresh uat", "/refresh uat for March training", "/refresh uat tomorrow 22:00 for March training", "/refresh plan uat", "/refresh status", "/refresh why uat", "/refresh history uat", "/refresh users uat", "/refresh cancel uat", "/refresh help"},
		}},
		Shortcuts: []slacksim.Shortcut{
			{Name: "Refresh an environment", CallbackID: view.ShortcutRefresh, Description: "Copy production into a sandbox"},
			{Name: "Explain this refresh", CallbackID: "explain", Description: "What it is, what it has done, what it waits for", Message: true},
		},
		Users: []slacksim.User{
			{ID: rita, Name: "rita", RealName: "Rita Sato", Title: "Functional lead", Email: "rita@contoso.com", TZ: "Europe/Copenhagen", Pick: true},
			{ID: anna, Name: "anna", RealName: "Anna Berg", Title: "Release manager, approver", Email: "anna@contoso.com", TZ: "Europe/Copenhagen", Pick: true},
			{ID: ben, Name: "ben", RealName: "Ben Okafor", Title: "F&O administrator, approver", Email: "ben@contoso.com", TZ: "Europe/Copenhagen", Pick: true},
			{ID: sam, Name: "sam", RealName: "Sam Cole", Title: "Trainer", Email: "sam@contoso.com", TZ: "Asia/Kolkata", Pick: true},
		},
		Channels: []slacksim.Channel{{ID: channel, Name: "uat-refresh", Topic: "Refreshes of UAT from production", BotMember: true}, {ID: floor, Name: "trainees", Topic: "For everybody who works in UAT", BotMember: true}, {ID: german, Name: "vertrieb", Topic: "Für den Vertrieb, der in UAT testet", BotMember: true}},
		UserGroups: []slacksim.UserGroup{
			{ID: release, Handle: "release", Name: "Release managers", Users: []string{rita, anna, ben}},
			{ID: trainee, Handle: "trainees", Name: "Trainees", Users: []string{sam}},
		},
		Panel: panel,
	}
}

// What the demo's configuration sets in the target, for Auto to compare with.
const (
	officeServer = "https://office-uat.contoso.com"
	entityStore  = "CustTransactions"
	helpLibrary  = "Test help"
)

// usersToEnable are the users that the configuration names one by one; trainees those of its file.
func usersToEnable() []string { return []string{"anna@contoso.com", "GITA"} }
func trainees() []string      { return []string{"hugo@contoso.com", "ida@contoso.com", "TRAIN01"} }

// configure writes a configuration file as a customer would, and the secrets that it refers to.
func configure(dir string, slack *slacksim.Server, cloud *cloudsim.Cloud, o Options) (string, error) {
	speed, signIn := o.Speed, "password: {file: lcs-password}"
	if o.MFA {
		signIn = "token_key: {file: token-key}"
	}
	for name, secret := range map[string]string{
		"slack-bot-token": slack.BotToken(), "slack-app-token": slack.AppToken(),
		"lcs-password": cloud.LCSPassword(), "finops-secret": cloud.AppSecret(), "ca.pem": string(cloud.CAPEM()),
		"smtp-password": "a password of the demo", "token-key": "a key of the demo, for its tokens", "trainees.csv": "Sign-in\n" + strings.Join(trainees(), "\n") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
			return "", err
		}
	}
	text := fmt.Sprintf(`# The configuration of the demo: the same keys as for a real one. Times are scaled by --speed.
slack:
  bot_token: {file: slack-bot-token}
  app_token: {file: slack-app-token}
  channel: %[1]s
  api_url: %[2]s
  pace: %[31]s # the world runs faster here

tls:
  ca_file: ca.pem

entra:
  tenant: %[3]s
  authority: %[4]s

lcs:
  project: %[5]d
  client_id: %[6]s
  username: %[7]s
  %[26]s
  api_url: %[8]s
  poll: %[9]s
  settle: 5s

finops:
  client_id: %[10]s
  client_secret: {file: finops-secret}
  poll: %[11]s

store:
  path: refreshbot.db
  backup: {dir: backups, every: 1h, keep: 3}

http:
  addr: 127.0.0.1:0

time_zone: Europe/Copenhagen
admins: [%[12]s]

environments:
  prod:
    url: %[13]s
    lcs_environment: %[14]s
    production: true

  uat:
    url: %[15]s
    lcs_environment: %[16]s
    refresh:
      from: prod
      approve:  {by: [%[17]s], count: 1, expires: %[30]s}
      sign_off: {by: [%[17]s], count: 2}
      open:     {by: [%[17]s], count: 1}
      schedule: {cron: "0 20 * * %[32]s", missed: skip, ask: 4h}
      notify: [{channel: %[27]s, mention: %[28]s}, {channel: %[29]s, language: de}]
      notice: %[18]s
      postpone: %[25]s
      downtime: %[19]s
      keep: [users, user_roles, batch_jobs, batch_groups, email, entra_applications, document_parameters]
      reconfigure:
        - email: {server: smtp-test.contoso.com, port: 2525, user: uat@contoso.com, require_ssl: false, password: {file: smtp-password}}
        - parallel:
            - entity_store: {entities: ["%[20]s"]}
            - system_parameters: {help_library: "%[21]s"}
        - service:
            name: Statistics of the entity store
            path: ContosoRefresh/PostRefresh/refreshEntityStore
            body: {_request: {Entities: ["LedgerCube"]}}
            when: if_installed
            on_failure: continue
        - odata:
            name: Document links
            entity: DocumentParameters
            key: {dataAreaId: usmf, Key: 0}
            set: {WebAppsServerURL: "%[22]s"}
        - manual:
            name: Tell the trainers
            text: "Print the handouts of the new data and put them into the training room."
      must_not:
        - {name: E-mail through production, entity: EmailParameters, where: {SMTPRelayServerName: smtp.contoso.com}}
        - {name: The EDI hub of production can sign in, entity: SysAADClients, where: {Name: EDI hub (production)}}
        - {name: EDI to vendors runs, entity: BatchJobs, where: {JobDescription: Vendor EDI outbound, Status: Waiting}}
      users:
        enable: [%[23]s]
        files: [trainees.csv]
        slack_group: %[24]s
        restore: true
        roles: true
        notify: true
`,
		channel, slack.APIURL(), cloud.Tenant(), cloud.AuthorityURL(), cloud.ProjectID(), cloud.LCSClientID(), cloud.LCSUser(), cloud.LCSURL(),
		scaled(time.Minute, speed), cloud.AppID(), scaled(15*time.Second, speed), ben,
		cloud.EnvironmentURL("prod"), cloud.LCSID("prod"), cloud.EnvironmentURL("uat"), cloud.LCSID("uat"),
		release, max(scaled(15*time.Minute, speed), 10*time.Second), // long enough to press Start now
		scaled(90*time.Minute, speed),
		entityStore, helpLibrary, officeServer, strings.Join(usersToEnable(), ", "), trainee, max(scaled(30*time.Minute, speed), 10*time.Second), signIn, floor, trainee, german, scaled(24*time.Hour, speed), min(scaled(30*time.Second, speed), 500*time.Millisecond), evening(time.Now()))
	file := filepath.Join(dir, "refreshbot.yml")
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// evening is the weekday on which the configuration schedules a refresh, as cron writes it: none that is near, since it
// is asked for hours before its time and would come between whoever tries the demo and what they try.
func evening(now time.Time) string {
	switch now.Weekday() {
	case time.Saturday, time.Sunday:
		return "WED"
	}
	return "SUN"
}
