// Which texts are subjects, as far as a configuration is checked; matching is `subject`'s.
// Thread: any. Source: spec protocol.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace petrel::conf {

std::vector<std::string_view> subject_tokens(std::string_view subject);

// No empty token, no white space, ">" only at the end.
bool is_valid_subject(std::string_view subject);

bool has_wildcard(std::string_view subject);  // a token "*" or ">"
bool is_literal(std::string_view subject);

// Every subject that `inner` admits is admitted by `outer`.
bool is_subset(std::string_view inner, std::string_view outer);

// Some subject is admitted by both.
bool collide(std::string_view a, std::string_view b);

// Fields between white space.
std::vector<std::string> split_fields(std::string_view text);

}  // namespace petrel::conf
