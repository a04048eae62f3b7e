// SPDX-License-Identifier: Apache-2.0

// Prints a token made by the key named on the command line.  Refused: prints the problem's code to stderr and exits with 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	socket, named := os.LookupEnv("SIGNER_SOCKET")
	if !named {
		socket = "/run/signer/signer.sock"
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second}
	response, err := client.Post("http://signer/v1/keys/"+os.Args[1]+"/tokens", "application/json",
		strings.NewReader(`{"claims":{"sub":"client-1"}}`))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var reply struct{ Token, Code string }
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		log.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, reply.Code)
		os.Exit(1)
	}
	fmt.Println(reply.Token)
}
