package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"sync"
	"time"
)

// look is how often the file is compared with what was read of it. A change counts once two looks agree, so that a
// file which is just being written is left alone.
const look = 5 * time.Second

// Watcher notices that the configuration file, or a secret or certificate that it refers to, has changed. What is in a
// list of users or a data package is no part of the configuration: a refresh reads it when it comes to it. That it
// can be read is.
type Watcher struct {
	file string
	used [sha256.Size]byte // what the configuration in use was made of

	mu      sync.Mutex
	refused error
}

// Watch loads the file and watches it from then on. The error is a Problems.
func Watch(file string) (*Config, *Watcher, error) {
	cfg, sum, err := load(file)
	return cfg, &Watcher{file: file, used: sum}, err
}

// load is Load, and a sum over every byte the configuration was made of.
func load(file string) (*Config, [sha256.Size]byte, error) {
	sum := sha256.New()
	read := func(path string) ([]byte, error) {
		data, err := os.ReadFile(path)
		note(sum, path, data, err)
		return data, err
	}
	env := func(name string) (string, bool) {
		v, ok := os.LookupEnv(name)
		note(sum, name, []byte(v), nil)
		return v, ok
	}
	data, err := read(file)
	var cfg *Config
	if err != nil {
		err = unreadable(file, err)
	} else {
		cfg, err = Parse(file, data, env, read, func(path string) error {
			err := canRead(path)
			note(sum, path, nil, err)
			return err
		})
	}
	return cfg, [sha256.Size]byte(sum.Sum(nil)), err
}

// canRead says what keeps a file from being read. It reads no more than shows that: the file may be a large one.
func canRead(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	if _, err = f.Read(make([]byte, 1)); errors.Is(err, io.EOF) { // a folder can be opened, but not read
		err = nil
	}
	return errors.Join(err, f.Close())
}

func note(sum hash.Hash, name string, data []byte, err error) {
	one := sha256.Sum256(data)
	sum.Write([]byte(name))
	sum.Write(one[:])
	if err != nil {
		sum.Write([]byte(err.Error()))
	}
}

// Next returns the next configuration that differs from the one in use, is valid and is accepted, and nil when ctx
// ends. One that is not is refused as a whole, and refused is told why, once; the one in use stays. now, usually a
// SIGHUP, has it look at once.
func (w *Watcher) Next(ctx context.Context, now <-chan os.Signal, accept func(*Config) error, refused func(error)) *Config {
	seen := w.used   // what the latest look found
	judged := w.used // what needs no second judgement
	for {
		timer := time.NewTimer(look)
		asked := false
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-now:
			asked = true
		case <-timer.C:
		}
		timer.Stop()
		cfg, sum, err := load(w.file)
		settled := asked || sum == seen
		seen = sum
		if !settled || sum == judged && !asked {
			continue
		}
		judged = sum
		if sum == w.used {
			w.Refuse(nil) // put back as it was
			continue
		}
		if err == nil {
			err = accept(cfg)
		}
		if ctx.Err() != nil {
			return nil
		}
		w.Refuse(err)
		if err == nil {
			w.used = sum
			return cfg
		}
		refused(err)
	}
}

// Refuse notes why a configuration is not in use, for one that turned out not to work after Next had returned it.
func (w *Watcher) Refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = err
}

// Refused returns why the file as it stands now is not in use; nil when it is.
func (w *Watcher) Refused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}
