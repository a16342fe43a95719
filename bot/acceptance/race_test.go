//go:build race

package acceptance

func init() { buildFlags = append(buildFlags, "-race") }
