#include "petrel/monitor/pages.h"

#include "petrel/monitor/json_writer.h"

#include <algorithm>
#include <array>

namespace petrel::monitor {

namespace {

constexpr std::array<std::pair<Slice, Slice>, 12> kLinks = {{{"General", "/varz"},
                                                             {"JetStream", "/jsz"},
                                                             {"Connections", "/connz"},
                                                             {"Accounts", "/accountz"},
                                                             {"Account Stats", "/accstatz"},
                                                             {"Subscriptions", "/subsz"},
                                                             {"Routes", "/routez"},
                                                             {"LeafNodes", "/leafz"},
                                                             {"Gateways", "/gatewayz"},
                                                             {"Raft Groups", "/raftz"},
                                                             {"Health Probe", "/healthz"},
                                                             {"Expvar", "/debug/vars"}}};

constexpr Slice kRootHead = R"(<html lang="en">
  <head>
    <title>Petrel</title>
    <style type="text/css">
      body { font-family: system-ui, sans-serif; margin-left: 32px }
      a { display: block; padding-bottom: 6px }
    </style>
  </head>
  <body>
    <h1>Petrel</h1>
    <p>Serves the monitoring of nats-server )";

}  // namespace

std::string path_below(Slice base_path, Slice endpoint) {
  return (base_path == "/" ? std::string() : std::string(base_path)) + std::string(endpoint);
}

std::string root_page(Slice base_path, Slice version) {
  std::string page(kRootHead);
  page += std::string(version) + "</p>\n";
  for (const auto& [title, endpoint] : kLinks) {
    page += "    <a href=." + path_below(base_path, endpoint) + ">" + std::string(title) +
            "<span class=\"endpoint\"> " + std::string(endpoint) + "</span></a>\n";
  }
  page += "  </body>\n</html>";
  return page;
}

std::string debug_vars_json(const std::vector<std::string>& command_line,
                            const ProcessMemory& memory) {
  JsonWriter arguments(0);
  arguments.value(command_line);
  JsonWriter stats(0);
  stats.begin_object();
  stats.field("Alloc", memory.allocated_bytes);
  stats.field("Sys", memory.resident_bytes);
  stats.field("HeapAlloc", memory.allocated_bytes);
  stats.field("HeapSys", memory.heap_bytes);
  stats.field("HeapInuse", memory.allocated_bytes);
  stats.field("HeapIdle", memory.heap_bytes - std::min(memory.heap_bytes, memory.allocated_bytes));
  stats.end_object();
  return "{\n\"cmdline\": " + arguments.take() + ",\n\"memstats\": " + stats.take() + "\n}\n";
}

std::string stacksz_text(const std::vector<ThreadView>& threads) {
  std::string text;
  for (const ThreadView& thread : threads) {
    text +=
        "thread " + std::to_string(thread.id) + " [" + thread.state + "]: " + thread.name + "\n";
  }
  return text;
}

}  // namespace petrel::monitor
