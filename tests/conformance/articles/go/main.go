// The Go code of one article: articles 0|1|3. It ends the process itself when something fails.
package main

import (
	"fmt"
	"log"
	"os"

	"petrel/conformance/articles/article0"
	"petrel/conformance/articles/article1"
	"petrel/conformance/articles/article3"
)

func main() {
	run := map[string]func() error{"0": article0.Run, "1": article1.Run, "3": article3.Run}
	if err := run[os.Args[1]](); err != nil {
		log.Fatal(err)
	}
	fmt.Println("done")
}
