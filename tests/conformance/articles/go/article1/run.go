package article1

import (
	"context"
	"errors"
	"time"
)

var (
	changes   = make(chan string, 10)
	processed = make(chan string, 10)
	attempts  int
)

// processOrder fails once.
func processOrder(data []byte) error {
	if attempts++; attempts == 1 {
		return errors.New("not yet")
	}
	processed <- string(data)
	return nil
}

func wait(from chan string, wanted string) error {
	select {
	case got := <-from:
		if got != wanted {
			return errors.New(got + " instead of " + wanted)
		}
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("no " + wanted)
	}
}

func expectChange() error { return wait(changes, "true") }

// Run does what the article describes.
func Run() error {
	nc, js := makeStream()
	defer nc.Close()
	for range 2 {
		if err := publishOrder(js, "ORD-1", []byte("one order")); err != nil {
			return err
		}
	}
	go startConsumer(js)
	if err := wait(processed, "one order"); err != nil {
		return err
	}
	return configuration(context.Background(), js)
}
