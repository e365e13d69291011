// franz-go at a cluster: the roles that check_cluster.py runs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	keys       = 12
	keysAtOnce = 4
	pause      = 20 * time.Millisecond
)

var (
	lock     sync.Mutex
	stopping = make(chan struct{})
)

func say(words ...any) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Println(append([]any{time.Now().UnixNano()}, words...)...)
}

func complain(where string, err error) {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	say("error", where, strings.ReplaceAll(strings.SplitN(text, ":", 2)[0], " ", "_"), text)
}

func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}

func hasEnded() bool {
	select {
	case <-stopping:
		return true
	default:
		return false
	}
}

// logged prints the log lines of the client, from warnings on.
type logged struct{}

func (logged) Level() kgo.LogLevel { return kgo.LogLevelWarn }
func (logged) Log(level kgo.LogLevel, message string, _ ...any) {
	say("log", level, message)
}

func common(bootstrap string) []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(strings.Split(bootstrap, ",")...), kgo.WithLogger(logged{})}
}

func produce(bootstrap, topic string) {
	client := must(kgo.NewClient(append(common(bootstrap), kgo.DefaultProduceTopic(topic))...))
	for number := 0; !hasEnded(); time.Sleep(pause) {
		for range keysAtOnce {
			key := fmt.Sprint("k", number%keys)
			value := fmt.Sprint(key, "-", number/keys)
			number++
			client.Produce(context.Background(), kgo.KeyStringRecord(key, value), func(r *kgo.Record, err error) {
				if err != nil {
					say("failed", value, strings.ReplaceAll(strings.SplitN(err.Error(), ":", 2)[0], " ", "_"), err)
				} else {
					say("ack", r.Partition, r.Offset, value)
				}
			})
		}
	}
	must(0, client.Flush(context.Background()))
	client.Close()
	say("left", 0)
}

func listed(of map[string][]int32) string {
	all := []string{}
	for _, partitions := range of {
		for _, each := range partitions {
			all = append(all, fmt.Sprint(each))
		}
	}
	return strings.Join(all, ",")
}

func group(topic, group, protocol string) []kgo.Opt {
	said := func(word string) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, of map[string][]int32) { say(word, listed(of)) }
	}
	options := []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(said("assigned")), kgo.OnPartitionsRevoked(said("revoked")), kgo.OnPartitionsLost(said("lost")),
	}
	if protocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	}
	return options
}

// next returns the records of one poll of at most 200 ms, and prints its errors.
func next(poll func(context.Context) kgo.Fetches) []*kgo.Record {
	within, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	fetches := poll(within)
	fetches.EachError(func(_ string, _ int32, err error) {
		if within.Err() == nil || err != within.Err() {
			complain("poll", err)
		}
	})
	return fetches.Records()
}

func consume(bootstrap, topic, name, protocol string) {
	client := must(kgo.NewClient(append(common(bootstrap), group(topic, name, protocol)...)...))
	for !hasEnded() {
		records := next(client.PollFetches)
		ends := map[int32]int64{}
		for _, each := range records {
			say("got", each.Partition, each.Offset, string(each.Value))
			ends[each.Partition] = each.Offset + 1
		}
		// The next member with the partition reads uncommitted records again: until then this member has to try again.
		for len(records) > 0 {
			err := client.CommitRecords(context.Background(), records...)
			if err == nil {
				for partition, end := range ends {
					say("committed", partition, end)
				}
				break
			}
			complain("commit", err)
			if name := strings.SplitN(err.Error(), ":", 2)[0]; name == "REBALANCE_IN_PROGRESS" || name == "ILLEGAL_GENERATION" ||
				name == "UNKNOWN_MEMBER_ID" || name == "STALE_MEMBER_EPOCH" || hasEnded() {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
}

func move(bootstrap, source, target, name, id string) {
	for !hasEnded() {
		options := append(common(bootstrap), group(source, name, "classic")...)
		options = append(options, kgo.TransactionalID(id), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets())
		session := must(kgo.NewGroupTransactSession(options...))
		moveWith(session, target)
		session.CloseAllowingRebalance()
	}
}

// moveWith moves records until the session fails.
func moveWith(session *kgo.GroupTransactSession, target string) {
	for !hasEnded() {
		records := next(session.PollFetches)
		if len(records) == 0 {
			session.AllowRebalance()
			continue
		}
		if err := session.Begin(); err != nil {
			complain("begin", err)
			say("restart")
			return
		}
		var failed kgo.FirstErrPromise
		for _, each := range records {
			session.Produce(context.Background(), &kgo.Record{Topic: target, Key: each.Key, Value: each.Value}, failed.Promise())
		}
		err := failed.Err()
		if err != nil {
			complain("produce", err)
		}
		committed, err := session.End(context.Background(), kgo.TransactionEndTry(err == nil))
		session.AllowRebalance()
		switch {
		case err != nil:
			complain("end", err)
			say("restart")
			return
		case committed:
			say("moved", len(records))
		default:
			say("aborted", len(records))
		}
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, each := range info.Deps {
		if each.Path == "github.com/twmb/franz-go" {
			return each.Version
		}
	}
	return "?"
}

func main() {
	say("version", "franz-go", version())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stopping)
	}()
	a := os.Args[2:]
	switch os.Args[1] {
	case "produce":
		produce(a[0], a[1])
	case "consume":
		consume(a[0], a[1], a[2], a[3])
	case "move":
		move(a[0], a[1], a[2], a[3], a[4])
	}
}
