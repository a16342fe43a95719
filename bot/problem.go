package bot

import (
	"errors"
	"strings"

	"github.com/slack-go/slack"
)

// refusal returns the name of the error that Slack answered with, "" when it did not answer or err is nil.
func refusal(err error) string {
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return refused.Err
	}
	return ""
}

// SlackProblem says in a sentence what is wrong with Slack and what to do about it. It returns "" for nil.
func SlackProblem(err error) string {
	if err == nil {
		return ""
	}
	switch code := refusal(err); code {
	case "invalid_auth", "not_authed":
		return "Slack does not accept the token: copy it again from the app's page (bot token under OAuth & Permissions, app token under Basic Information)."
	case "token_revoked", "token_expired", "account_inactive":
		return "The Slack token is no longer valid: reinstall the app and put the new token into the configuration."
	case "not_allowed_token_type":
		return "The wrong kind of Slack token: app_token begins with xapp-, bot_token with xoxb-."
	case "missing_scope":
		refused, _ := errors.AsType[slack.SlackErrorResponse](err)
		return "A Slack scope is missing: " + refused.Needed + ". Update the app from manifest.yml and reinstall it."
	case "not_in_channel":
		return "The bot is not in the channel: invite it there with /invite."
	case "channel_not_found":
		return "Slack knows no such channel, or it is private and the bot is not in it: check channel in the configuration, and invite the bot with /invite."
	case "is_archived":
		return "The channel is archived: unarchive it, or name another one in the configuration."
	case "":
		if strings.Contains(err.Error(), "link_disabled") {
			return "Socket Mode is switched off for the app: switch it on in the app's settings."
		}
		return "No connection to Slack: " + redact(err.Error())
	default:
		return "Slack refuses: " + code + "."
	}
}
