// sarama at a cluster: the roles that check_cluster.py runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	keys       = 12
	keysAtOnce = 4
	pause      = 20 * time.Millisecond
	atOnce     = 100 // records in a transaction
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

// nameOf is the type of an error of the network, or what Kafka calls the error.
func nameOf(err error) string {
	var code sarama.KError
	if errors.As(err, &code) {
		return fmt.Sprintf("KError_%d", int16(code))
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}

func complain(where string, err error) {
	say("error", where, nameOf(err), strings.ReplaceAll(err.Error(), "\n", " "))
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

// config has more patience than sarama's own three tries in 0.3 s, which are over before any broker is known to be gone.
func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V4_1_0_0
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Retry.Max = 150
	c.Producer.Retry.Backoff = 200 * time.Millisecond
	c.Producer.Return.Successes = true
	c.Net.MaxOpenRequests = 1
	c.Metadata.Retry.Max = 20
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Return.Errors = true
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	return c
}

func produce(bootstrap []string, topic string) {
	producer := must(sarama.NewAsyncProducer(bootstrap, config()))
	var open, told sync.WaitGroup // records without a result, and the readers of results
	told.Go(func() {
		for each := range producer.Successes() {
			say("ack", each.Partition, each.Offset, each.Metadata)
			open.Done()
		}
	})
	told.Go(func() {
		for each := range producer.Errors() {
			say("failed", each.Msg.Metadata, nameOf(each.Err), each.Err)
			open.Done()
		}
	})
	for number := 0; !hasEnded(); time.Sleep(pause) {
		for range keysAtOnce {
			key := fmt.Sprint("k", number%keys)
			value := fmt.Sprint(key, "-", number/keys)
			number++
			open.Add(1)
			producer.Input() <- &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(value), Metadata: value}
		}
	}
	open.Wait() // a producer that is closed does not try again
	producer.AsyncClose()
	told.Wait()
	say("left", 0)
}

// member handles each generation of its group, and passes the records that it reads to `take`.
type member struct {
	take func(sarama.ConsumerGroupSession, []*sarama.ConsumerMessage) bool
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

func (member) Setup(session sarama.ConsumerGroupSession) error {
	say("assigned", listed(session.Claims()))
	return nil
}

func (member) Cleanup(session sarama.ConsumerGroupSession) error {
	say("revoked", listed(session.Claims()))
	return nil
}

func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		var taken []*sarama.ConsumerMessage
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			taken = append(taken, message)
		case <-session.Context().Done():
			return nil
		}
		for len(taken) < atOnce {
			select {
			case message, more := <-claim.Messages():
				if more {
					taken = append(taken, message)
					continue
				}
			default:
			}
			break
		}
		if session.Context().Err() != nil || !m.take(session, taken) {
			return nil // what was taken is read again
		}
	}
}

func run(bootstrap []string, topic, name string, m member) {
	group := must(sarama.NewConsumerGroup(bootstrap, name, config()))
	go func() {
		for err := range group.Errors() {
			complain("group", err)
		}
	}()
	within, cancel := context.WithCancel(context.Background())
	go func() {
		<-stopping
		cancel()
	}()
	for within.Err() == nil {
		if err := group.Consume(within, []string{topic}, m); err != nil && within.Err() == nil {
			complain("consume", err)
			time.Sleep(200 * time.Millisecond)
		}
	}
	group.Close()
}

// consume reports that a commit was requested: sarama does not return whether it has succeeded.
func consume(bootstrap []string, topic, name string) {
	run(bootstrap, topic, name, member{func(session sarama.ConsumerGroupSession, taken []*sarama.ConsumerMessage) bool {
		for _, each := range taken {
			say("got", each.Partition, each.Offset, string(each.Value))
			session.MarkMessage(each, "")
		}
		session.Commit()
		return true
	}})
}

// move has a producer for each partition that it has got, as sarama's example of exactly once.
func move(bootstrap []string, source, target, name, id string) {
	producers := map[int32]sarama.AsyncProducer{}
	var guarded sync.Mutex
	begin := func(partition int32) sarama.AsyncProducer {
		c := config()
		c.Producer.Transaction.ID = fmt.Sprint(id, "-", partition)
		c.Producer.Return.Successes = false
		for {
			made, err := sarama.NewAsyncProducer(bootstrap, c)
			if err == nil {
				go func() {
					for each := range made.Errors() {
						complain("produce", each.Err)
					}
				}()
				return made
			}
			complain("init", err)
			time.Sleep(200 * time.Millisecond)
		}
	}
	of := func(partition int32) sarama.AsyncProducer {
		guarded.Lock()
		defer guarded.Unlock()
		if producers[partition] == nil {
			producers[partition] = begin(partition)
		}
		return producers[partition]
	}
	run(bootstrap, source, name, member{func(session sarama.ConsumerGroupSession, taken []*sarama.ConsumerMessage) bool {
		partition := taken[0].Partition
		if transact(of(partition), session, name, target, taken) {
			say("moved", len(taken))
			return true
		}
		say("restart")
		guarded.Lock()
		defer guarded.Unlock()
		producers[partition].Close()
		delete(producers, partition)
		return false
	}})
}

// transact returns whether the transaction is committed; after a failure the producer is not used again: the next one finds out how it ended.
func transact(producer sarama.AsyncProducer, session sarama.ConsumerGroupSession, name, target string, taken []*sarama.ConsumerMessage) bool {
	if err := producer.BeginTxn(); err != nil {
		complain("begin", err)
		return false
	}
	for _, each := range taken {
		producer.Input() <- &sarama.ProducerMessage{Topic: target, Key: sarama.ByteEncoder(each.Key), Value: sarama.ByteEncoder(each.Value)}
	}
	last := taken[len(taken)-1]
	if err := producer.AddMessageToTxnWithGroupMetadata(last, sarama.NewConsumerGroupMetadataFromSession(session, name, nil), nil); err != nil {
		complain("offsets", err)
		if err := producer.AbortTxn(); err != nil {
			complain("abort", err)
		}
		return false
	}
	if err := producer.CommitTxn(); err != nil {
		complain("commit", err)
		if err := producer.AbortTxn(); err != nil {
			complain("abort", err)
		}
		return false
	}
	return true
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, each := range info.Deps {
		if each.Path == "github.com/IBM/sarama" {
			return each.Version
		}
	}
	return "?"
}

func main() {
	sarama.Logger = log.New(io.Discard, "", 0)
	say("version", "sarama", version())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stopping)
	}()
	a := os.Args[2:]
	bootstrap := strings.Split(a[0], ",")
	switch os.Args[1] {
	case "produce":
		produce(bootstrap, a[1])
	case "consume":
		consume(bootstrap, a[1], a[2])
	case "move":
		move(bootstrap, a[1], a[2], a[3], a[4])
	}
}
