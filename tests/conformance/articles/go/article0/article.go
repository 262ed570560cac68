// Package article0: the code of the article, `main` renamed where it has several.
package article0

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func client() (*nats.Conn, nats.JetStreamContext) {
	nc, err := nats.Connect(
		"nats://nats.internal.svc.cluster.local:4222",
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(10),
		nats.ReconnectWait(2*time.Second),
	)
	if err != nil {
		log.Fatalf("failed to connect: %v", err)
	}
	js, err := nc.JetStream()
	if err != nil {
		log.Fatalf("failed to get JetStream context: %v", err)
	}
	return nc, js
}

func publishOrder(js nats.JetStreamContext, orderID string, payload []byte) error {
	ack, err := js.Publish("orders.created", payload,
		nats.MsgId(orderID), // idempotency key—safe to retry
	)
	if err != nil {
		return fmt.Errorf("publish failed: %w", err)
	}
	log.Printf("persisted to stream %s, seq %d", ack.Stream, ack.Sequence)
	return nil
}

func startConsumer(js nats.JetStreamContext) error {
	sub, err := js.PullSubscribe(
		"orders.created",
		"order-processor", // durable consumer name
		nats.BindStream("ORDERS"),
		nats.AckExplicit(),
	)
	if err != nil {
		return fmt.Errorf("subscribe failed: %w", err)
	}
	for {
		msgs, err := sub.Fetch(10, nats.MaxWait(5*time.Second))
		if err != nil && err != nats.ErrTimeout {
			log.Printf("fetch error: %v", err)
			continue
		}
		for _, msg := range msgs {
			if err := processOrder(msg.Data); err != nil {
				// signal failure—redelivery after AckWait expires
				msg.Nak()
				continue
			}
			msg.Ack()
		}
	}
}

func processWithHeartbeat(msg *nats.Msg) {
	ticker := time.NewTicker(15 * time.Second)
	defer ticker.Stop()
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				msg.InProgress()
			case <-done:
				return
			}
		}
	}()
	err := runExpensiveOperation(msg.Data)
	close(done)
	if err != nil {
		msg.Nak()
		return
	}
	msg.Ack()
}

func startWorker(ctx context.Context, js jetstream.JetStream, workerID int) {
	cons, err := js.Consumer(ctx, "ORDERS", "order-processor")
	if err != nil {
		log.Fatalf("worker %d: failed to bind consumer: %v", workerID, err)
	}
	cc, err := cons.Consume(func(msg jetstream.Msg) {
		log.Printf("worker %d processing: %s", workerID, msg.Subject())
		// Simulate order processing
		time.Sleep(50 * time.Millisecond)
		if err := msg.Ack(); err != nil {
			log.Printf("worker %d: ack failed: %v", workerID, err)
		}
	})
	if err != nil {
		log.Fatalf("worker %d: consume failed: %v", workerID, err)
	}
	defer cc.Stop()
	<-ctx.Done()
}

func scaling(ctx context.Context) {
	nc, _ := nats.Connect("nats://nats.prod-us-east-1.svc.cluster.local:4222")
	defer nc.Drain()
	js, _ := jetstream.New(nc)
	// Spin up 4 competing workers sharing one durable consumer
	for i := 1; i <= 4; i++ {
		go startWorker(ctx, js, i)
	}
	<-ctx.Done()
}
