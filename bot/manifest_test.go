package bot_test

import (
	"os"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"

	"refreshbot/bot/view"
)

// What the bot answers is what the app asks Slack to send.
func TestTheManifestAsksForWhatIsAnswered(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../manifest.yml")
	if err != nil {
		t.Fatal(err)
	}
	var app struct {
		Features struct {
			Home struct {
				Tab bool `yaml:"home_tab_enabled"`
			} `yaml:"app_home"`
			Shortcuts []struct {
				Type string `yaml:"type"`
				ID   string `yaml:"callback_id"`
			} `yaml:"shortcuts"`
		} `yaml:"features"`
		Settings struct {
			Events struct {
				Bot []string `yaml:"bot_events"`
			} `yaml:"event_subscriptions"`
		} `yaml:"settings"`
	}
	if err := yaml.Unmarshal(data, &app); err != nil {
		t.Fatal(err)
	}
	var shortcuts []string
	for _, s := range app.Features.Shortcuts {
		shortcuts = append(shortcuts, s.Type+" "+s.ID)
	}
	if want := []string{"global " + view.ShortcutRefresh, "message " + view.ShortcutExplain}; !slices.Equal(shortcuts, want) {
		t.Errorf("shortcuts %q, want %q", shortcuts, want)
	}
	if !app.Features.Home.Tab || !slices.Equal(app.Settings.Events.Bot, []string{"app_home_opened"}) {
		t.Errorf("Home tab %v, events %q", app.Features.Home.Tab, app.Settings.Events.Bot)
	}
}
