package bot

import "regexp"

// secrets matches what Slack's own error texts may carry: tokens, response URLs and the ticket of a connection.
var secrets = regexp.MustCompile(`xox[a-z]-[\w-]+|xapp-[\w-]+|https?://[^\s"]*/(?:commands|actions|services|response)/[^\s"]*|ticket=[^\s"&]+`)

// redact takes out of a text what would let its reader act as the bot.
func redact(text string) string { return secrets.ReplaceAllString(text, "***") }
