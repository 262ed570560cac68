// Files of the IANA time zone database, where operating systems keep them.
//
// Thread: any; reads a small file. Limits: names of 255 bytes, files of 64 KiB.
#pragma once

#include <string>
#include <string_view>

namespace petrel::server {

// The bytes of a zone's file; empty: there is no such zone. The name may come from a client: it
// never leads out of the database.
std::string read_time_zone(std::string_view name);

}  // namespace petrel::server
