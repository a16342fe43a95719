# A static binary in an image with nothing else: no shell, no package manager, not root. It runs with a read-only
# root; the store is the only thing it writes, on the volume at /data.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /refreshbot . && mkdir /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /refreshbot /refreshbot
COPY --from=build --chown=nonroot:nonroot /data /data
VOLUME /data
USER nonroot
ENTRYPOINT ["/refreshbot"]
CMD ["run", "--config", "/etc/refreshbot/refreshbot.yml"]
