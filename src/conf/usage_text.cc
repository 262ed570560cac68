#include "conf/usage_text.h"

#include "conf/tls_suites.h"

namespace petrel::conf {
namespace {

constexpr std::string_view kUsage = R"(
Usage: nats-server [options]

Petrel, a message broker that takes the place of nats-server.

Server Options:
    -a, --addr, --net <host>         Address to listen on (default: 0.0.0.0)
    -p, --port <port>                Port for clients, -1 for any (default: 4222)
    -n, --name
        --server_name <server_name>  Name of this server (default: its id)
    -P, --pid <file>                 Write the process id to a file
    -m, --http_port <port>           Port for monitoring over HTTP
    -ms,--https_port <port>          Port for monitoring over HTTPS
    -c, --config <file>              Configuration file
    -t                               Check the configuration file and exit
    -sl,--signal <signal>[=<pid>]    Signal a running server: ldm, stop, quit, term, reopen, reload
                                     <pid> is a process id or the path of a pid file
        --client_advertise <string>  Address that other servers tell clients to use
        --ports_file_dir <dir>       Write <executable_name>_<pid>.ports with all addresses here

Logging Options:
    -l, --log <file>                 Write the log to a file
    -T, --logtime                    Put the time into log lines (default: true)
        --logtime_utc                In UTC instead of local time (default: false)
    -s, --syslog                     Write the log to syslog
    -r, --remote_syslog <addr>       Syslog server, such as udp://localhost:514
    -D, --debug                      Log debugging output
    -V, --trace                      Log the protocol
    -VV                              Log the protocol, with the system account
    -DV                              Both -D and -V
    -DVV                             Both -D and -VV
        --log_size_limit <limit>     Size in bytes at which the log file is rotated
        --max_traced_msg_len <len>   Longest message that is logged whole (default: no limit)

JetStream Options:
    -js, --jetstream                 Turn JetStream on
    -sd, --store_dir <dir>           Where its data is kept

Authorization Options:
        --user <user>                User that clients must give
        --pass <password>            Password of that user
        --auth <token>               Token that clients must give

TLS Options:
        --tls                        Use TLS, do not ask clients for certificates
        --tlscert <file>             Certificate of the server
        --tlskey <file>              Private key of that certificate
        --tlsverify                  Use TLS and check certificates of clients
        --tlscacert <file>           Authority that signed certificates of clients

Cluster Options:
        --routes <rurl-1, rurl-2>    Servers of the cluster to connect to
        --cluster <cluster-url>      Address to listen on for servers of the cluster
        --cluster_name <string>      Name of the cluster (default: generated)
        --no_advertise <bool>        Do not tell clients about other servers
        --cluster_advertise <string> Address that other servers use for routes
        --connect_retries <number>   Attempts to connect to servers learned of from others
        --cluster_listen <url>       The same as --cluster

Profiling Options:
        --profile <port>             Port for profiles

Petrel Options:
        --reload_from <file>         With -t: also show what a reload from this file would change
        --petrel_version             Show the version of Petrel

Common Options:
    -h, --help                       Show this text
    -v, --version                    Show the version of nats-server that this one matches
        --help_tls                   Show the options of TLS
)";

constexpr std::string_view kTlsHelp = R"(
TLS is configured in a tls block of the configuration file:

    tls {
        cert_file:      "./certs/server-cert.pem"
        key_file:       "./certs/server-key.pem"
        ca_file:        "./certs/ca.pem"
        verify:         true
        verify_and_map: true

        cipher_suites: [
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        ]
        curve_preferences: [
            "CurveP256",
            "CurveP384"
        ]
    }

Available cipher suites include:
)";

}  // namespace

std::string_view usage_text() {
  return kUsage;
}

std::string tls_help_text() {
  std::string out(kTlsHelp);
  const auto list = [&out](std::span<const std::string_view> names) {
    for (const std::string_view name : names) out += "    " + std::string(name) + "\n";
  };
  list(secure_suites());
  out += "\nOnly with allow_insecure_cipher_suites:\n";
  list(insecure_suites());
  out += "\nAvailable curve preferences include:\n";
  list(curve_names());
  return out;
}

}  // namespace petrel::conf
