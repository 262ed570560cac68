#include "auth/user_template.h"

#include "petrel/base/go_quote.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace petrel::auth {

namespace {

Error wrong(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

// "{{...}}" as it stands in a subject.
std::vector<std::string> find_operations(const std::string& text) {
  std::vector<std::string> found;
  for (size_t at = text.find("{{"); at != std::string::npos; at = text.find("{{", at)) {
    const size_t end = text.find('}', at + 2);
    const bool is_closed =
        end != std::string::npos && end > at + 2 && end + 1 < text.size() && text[end + 1] == '}';
    if (!is_closed) {
      ++at;
      continue;
    }
    found.push_back(text.substr(at, end + 2 - at));
    at = end + 2;
  }
  return found;
}

std::string lower(Slice text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Slice trimmed(Slice text) {
  const auto is_white = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class Expander {
 public:
  Expander(const UserClaims& user, const AccountClaims& account) : user_(user), account_(account) {}

  // `is_deny`: a subject that cannot be made is an error; else it is left out.
  Result<std::vector<std::string>> expand(const std::vector<std::string>& list, bool is_deny) {
    const bool has_operations = std::any_of(
        list.begin(), list.end(), [](const std::string& e) { return !find_operations(e).empty(); });
    if (!has_operations) return list;
    out_.clear();
    is_deny_ = is_deny;
    for (const std::string& entry : list) PETREL_TRY_STATUS(expand_entry(entry));
    return std::move(out_);
  }

 private:
  // What an operation stands for. Several values: one subject each.
  struct Values {
    std::string operation;
    std::vector<std::string> list;
  };

  Status expand_entry(const std::string& entry) {
    std::vector<Values> values;
    size_t count = 1;
    for (const std::string& operation : find_operations(entry)) {
      PETREL_TRY(std::vector<std::string> list, values_of(entry, operation));
      if (count > kExpansionsMax / list.size()) return too_many();
      count *= list.size();
      values.push_back({operation, std::move(list)});
    }
    if (out_.size() + count > kExpansionsMax) return too_many();
    std::vector<size_t> at(values.size(), 0);
    for (size_t n = 0; n < count; ++n) {
      std::string subject = entry;
      for (size_t i = 0; i < values.size(); ++i) {
        replace_all(subject, values[i].operation, values[i].list[at[i]]);
      }
      PETREL_TRY_STATUS(emit(std::move(subject)));
      for (size_t i = values.size(); i-- > 0;) {
        if (++at[i] < values[i].list.size()) break;
        at[i] = 0;
      }
    }
    return {};
  }

  static Error too_many() {
    return wrong("template expansion exceeds limit: " + std::to_string(kExpansionsMax));
  }

  Status emit(std::string subject) {
    if (subject::is_valid_subject(subject)) {
      out_.push_back(std::move(subject));
    } else if (is_deny_) {
      return wrong("generated invalid subject");
    }
    return {};
  }

  // At least one value.
  Result<std::vector<std::string>> values_of(const std::string& entry,
                                             const std::string& operation) const {
    const Slice name = trimmed(Slice(operation).substr(2, operation.size() - 4));
    const std::string plain = lower(name);
    if (plain == "name()") return std::vector<std::string>{user_.name};
    if (plain == "subject()") return std::vector<std::string>{user_.subject};
    if (plain == "account-name()") return std::vector<std::string>{account_name()};
    if (plain == "account-subject()") return std::vector<std::string>{user_.issuer_account};
    if (plain.size() >= 5 && plain.rfind("tag(", 0) == 0 && plain.back() == ')') {
      return tag_values(entry, plain.substr(4, plain.size() - 5), user_.tags);
    }
    if (plain.size() >= 13 && plain.rfind("account-tag(", 0) == 0 && plain.back() == ')') {
      return tag_values(entry, plain.substr(12, plain.size() - 13), account_.tags);
    }
    return wrong("template operation in " + go_quote(entry) + ": " + go_quote(name) +
                 " is not defined");
  }

  const std::string& account_name() const { return account_.name; }

  Result<std::vector<std::string>> tag_values(const std::string& entry, const std::string& name,
                                              const std::vector<std::string>& tags) const {
    std::vector<std::string> found;
    for (const std::string& tag : tags) {
      if (tag.rfind(name + ":", 0) == 0) found.push_back(tag.substr(name.size() + 1));
    }
    if (!found.empty()) return found;
    if (is_deny_) {
      return wrong("generated invalid subject " + go_quote(entry) + ": " + go_quote(name) +
                   " is not defined");
    }
    // Makes a subject that is not valid, which leaves it out.
    return std::vector<std::string>{" "};
  }

  const UserClaims& user_;
  const AccountClaims& account_;
  std::vector<std::string> out_;
  bool is_deny_ = false;
};

// Whoever was to be allowed something, and is not, is allowed nothing.
void deny_all_if_gone(bool had_entries, const std::vector<std::string>& allow,
                      std::vector<std::string>& deny) {
  if (!had_entries || !allow.empty()) return;
  if (std::find(deny.begin(), deny.end(), ">") == deny.end()) deny.emplace_back(">");
}

}  // namespace

Result<UserLimits> apply_template(const UserLimits& limits, const UserClaims& user,
                                  const AccountClaims& account) {
  Expander expander(user, account);
  UserLimits out = limits;
  const PermissionClaims& from = limits.permissions;
  PermissionClaims& to = out.permissions;
  PETREL_TRY(to.subscribe_allow, expander.expand(from.subscribe_allow, false));
  PETREL_TRY(to.subscribe_deny, expander.expand(from.subscribe_deny, true));
  PETREL_TRY(to.publish_allow, expander.expand(from.publish_allow, false));
  PETREL_TRY(to.publish_deny, expander.expand(from.publish_deny, true));
  deny_all_if_gone(!from.subscribe_allow.empty(), to.subscribe_allow, to.subscribe_deny);
  deny_all_if_gone(!from.publish_allow.empty(), to.publish_allow, to.publish_deny);
  return out;
}

}  // namespace petrel::auth
