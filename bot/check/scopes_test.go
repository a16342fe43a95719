package check_test

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"refreshbot/bot/check"
	"refreshbot/bot/view"
)

// The app that people create from the manifest must have just what the program asks for.
func TestTheManifestAsksForTheScopesThatAreUsed(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../manifest.yml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		OAuth struct {
			Scopes struct{ Bot []string }
		} `yaml:"oauth_config"`
	}
	if err := yaml.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	slices.Sort(manifest.OAuth.Scopes.Bot)
	if diff := cmp.Diff(check.Scopes(), manifest.OAuth.Scopes.Bot); diff != "" {
		t.Errorf("manifest.yml differs from Scopes (-used +asked for):\n%s", diff)
	}
}

// The shortcut that the manifest makes is the one that the program answers.
func TestTheManifestHasTheShortcut(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../manifest.yml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Features struct {
			Shortcuts []struct {
				Name, Type, Description string
				CallbackID              string `yaml:"callback_id"`
			}
		}
	}
	if err := yaml.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, s := range manifest.Features.Shortcuts {
		if s.CallbackID == view.ShortcutRefresh && s.Type == "global" && s.Name != "" && s.Description != "" {
			return
		}
	}
	t.Errorf("manifest.yml has no shortcut %q: %+v", view.ShortcutRefresh, manifest.Features.Shortcuts)
}
