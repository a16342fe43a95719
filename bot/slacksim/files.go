package slacksim

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// maxFile bounds one uploaded file. Slack takes more; nothing here needs it.
const maxFile = 64 << 20

// maxAlt is how long the description of a picture may be, in characters (files.getUploadURLExternal, alt_txt).
const maxAlt = 1000

type file struct {
	id, name, title string
	alt             string // alt_txt: what is to be seen in a picture
	length          int
	data            []byte
	uploaded, done  bool
	created         int64
	owner           string // who uploaded it
}

func (s *Server) filesGetUploadURL(a args) (obj, error) {
	length, err := a.num("length", 0)
	if err != nil || length <= 0 || a.str("filename") == "" {
		return nil, fail("invalid_arguments")
	}
	if length > maxFile {
		return nil, fail("file_upload_size_restricted")
	}
	if utf8.RuneCountInString(a.str("alt_txt")) > maxAlt {
		return nil, fail("alt_txt_too_large")
	}
	f := &file{id: "F" + strings.ToUpper(randomID(10)), name: path.Base(a.str("filename")), alt: a.str("alt_txt"), length: length, created: s.tune.now().Unix(), owner: s.BotUserID()}
	s.files[f.id] = f
	return obj{"file_id": f.id, "upload_url": s.URL() + "/upload/v1/" + f.id}, nil
}

// serveUpload takes the bytes of one file, raw or multipart, and answers "OK - <n>" as Slack does.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+1<<20)
	data, err := uploadBody(r)
	id := r.PathValue("id")
	s.answer(w, "upload", tokenNone, args{"file_id": toJSON(id)}, func() (obj, error) {
		f := s.files[id]
		switch {
		case err != nil || len(data) == 0:
			return nil, refusal("invalid_arguments", http.StatusBadRequest)
		case f == nil || f.done:
			return nil, refusal("file_not_found", http.StatusNotFound)
		}
		f.data, f.uploaded, f.length = data, true, len(data)
		return nil, nil
	}, func(w http.ResponseWriter, status int) {
		if status != http.StatusOK {
			http.Error(w, http.StatusText(status), status)
			return
		}
		_, _ = fmt.Fprintf(w, "OK - %d", len(data))
	})
}

// uploadBody reads the first part of a multipart body, or the whole of any other. Reading stops after
// that part, so a client that writes the closing boundary twice is no trouble.
func uploadBody(r *http.Request) ([]byte, error) {
	mt, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mt != "multipart/form-data" {
		return io.ReadAll(r.Body)
	}
	mr, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		part, err := mr.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

func (s *Server) filesCompleteUpload(a args) (obj, error) {
	var wanted []struct{ ID, Title string }
	if json.Unmarshal(a.raw("files"), &wanted) != nil || len(wanted) == 0 {
		return nil, fail("invalid_arguments")
	}
	var ids []string
	for _, want := range wanted {
		f := s.files[want.ID]
		if f == nil || !f.uploaded {
			return nil, fail("file_not_found")
		}
		ids = append(ids, f.id)
	}
	var shares []*channel
	list := a.str("channels")
	if id := a.str("channel_id"); id != "" {
		list = id
	}
	for _, id := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		ch, err := s.target(id)
		if err != nil {
			return nil, err
		}
		if err := s.mayPost(ch); err != nil {
			return nil, err
		}
		shares = append(shares, ch)
	}
	in := args{"text": toJSON(a.str("initial_comment"))}
	if b := a.raw("blocks"); b != nil {
		in["blocks"] = b
	}
	var c content
	if in.str("text") != "" || in.has("blocks") {
		var err error
		if c, err = readContent(in, maxPostText); err != nil {
			return nil, err
		}
	}
	for _, ch := range shares {
		thread, err := s.thread(ch, a.str("thread_ts"))
		if err != nil {
			return nil, err
		}
		s.add(Message{Channel: ch.ID, ThreadTS: thread, User: s.BotUserID(), bot: true, Text: c.text, Blocks: c.blocks, Files: ids})
	}
	out := []obj{}
	for _, want := range wanted {
		f := s.files[want.ID]
		f.done, f.title = true, want.Title
		if f.title == "" {
			f.title = f.name
		}
		out = append(out, s.wireFile(f))
	}
	return obj{"files": out}, nil
}

func (s *Server) filesInfo(a args) (obj, error) {
	f := s.files[a.str("file")]
	if f == nil || !f.done {
		return nil, fail("file_not_found")
	}
	return obj{"file": s.wireFile(f)}, nil
}

// dropped turns what a person drops into a file_input, {"files": [{"name", "data"}]} with data as []byte or
// string, into the file objects that the form sends. Slack's form takes no file above 10 MB and only the
// filetypes asked for; here any goes, since an app is told to check for itself. The lock is held.
func (s *Server) dropped(user string, el obj, held obj) (obj, error) {
	list, _ := held["files"].([]map[string]any)
	if loose, ok := held["files"].([]any); ok {
		for _, v := range loose {
			o, _ := v.(obj)
			list = append(list, o)
		}
	}
	most := 10.0
	if n, ok := number(el["max_files"]); ok {
		most = n
	}
	if float64(len(list)) > most {
		return nil, fmt.Errorf("slacksim: the form takes %v files, not %d", most, len(list))
	}
	wire := []any{}
	for _, o := range list {
		f := &file{
			id: "F" + strings.ToUpper(randomID(10)), name: text(o, "name"), title: text(o, "name"), owner: user,
			uploaded: true, done: true, created: s.tune.now().Unix(),
		}
		switch data := o["data"].(type) {
		case []byte:
			f.data = data
		case string:
			f.data = []byte(data)
		}
		f.length = len(f.data)
		if f.name == "" || f.length == 0 || f.length > maxFile {
			return nil, fmt.Errorf("slacksim: a file needs a name and 1 to %d bytes", maxFile)
		}
		s.files[f.id] = f
		wire = append(wire, s.wireFile(f))
	}
	return obj{"type": "file_input", "files": wire}, nil
}

// wireFile shows a file with addresses on this very host, because clients send their token nowhere else.
func (s *Server) wireFile(f *file) obj {
	link := s.URL() + "/files-pri/" + f.id + "/" + url.PathEscape(f.name)
	o := obj{
		"id": f.id, "name": f.name, "title": f.title, "mimetype": f.mimetype(), "size": len(f.data),
		"filetype": strings.TrimPrefix(path.Ext(f.name), "."), "user": f.owner, "created": f.created,
		"url_private": link, "url_private_download": link + "?download=1", "mode": "hosted",
	}
	if f.alt != "" {
		o["alt_txt"] = f.alt
	}
	return o
}

func (f *file) mimetype() string {
	if t := mime.TypeByExtension(path.Ext(f.name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// serveFile hands out a file to the bot token with files:read. Anyone else is sent to a sign-in page, as
// at Slack.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	kind := s.kindOf(bearer(r))
	s.mu.Unlock()
	var f *file
	s.answer(w, "download", kind, args{"file_id": toJSON(id)}, func() (obj, error) {
		if s.checkToken(kind, tokenBot) != nil || s.needScope("files:read") != nil {
			return nil, refusal("not_allowed", http.StatusFound)
		}
		if f = s.doneFile(id); f == nil {
			return nil, refusal("file_not_found", http.StatusNotFound)
		}
		return nil, nil
	}, func(w http.ResponseWriter, status int) {
		if status == http.StatusFound {
			http.Redirect(w, r, "/signin?redir="+url.QueryEscape(r.URL.Path), status)
			return
		}
		sendFile(w, f)
	})
}

// doneFile returns a copy of a completed file, nil when there is none. The lock is held.
func (s *Server) doneFile(id string) *file {
	f := s.files[id]
	if f == nil || !f.done {
		return nil
	}
	cp := *f
	return &cp
}

func sendFile(w http.ResponseWriter, f *file) {
	if f == nil {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", f.mimetype())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.name}))
	_, _ = w.Write(f.data)
}

// AltText returns what an uploaded picture was said to show.
func (s *Server) AltText(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[id]; f != nil {
		return f.alt
	}
	return ""
}

// File returns the content of an uploaded file by its id.
func (s *Server) File(id string) (name string, data []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil || !f.done {
		return "", nil, false
	}
	return f.name, append([]byte(nil), f.data...), true
}
