// JsonScanner: finds JSON values in a text and says what is wrong with it as Go's encoding/json
// does. Only the shape is looked at; values are read with proto/json_text.h.
//
// Thread: values, any thread. No recursion; nesting of at most 10,000 levels.
// Source: RFC 8259, Go encoding/json (texts of errors), checked against Go 1.26.
#pragma once

#include "petrel/base/block.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace petrel::jetstream {

class JsonScanner {
 public:
  explicit JsonScanner(Slice text) : text_(text) {}

  enum class Outcome : uint8_t {
    kValue,  // value() is the next one
    kEnd,    // nothing but white space was left
    kCut,    // the text ends inside a value
    kWrong,  // error() and error_offset() say what and where
  };
  // Finds the next value. Values may follow each other without anything between them.
  Outcome next();
  // Behind the last value: kEnd, or kWrong ("after top-level value") if anything follows.
  Outcome finish();

  Slice value() const { return value_; }
  const std::string& error() const { return error_; }
  // What a reader that takes the end of the text for a blank says of a value that is cut.
  const std::string& cut_error() const { return cut_error_; }
  size_t error_offset() const { return at_ + 1; }  // bytes read, the wrong one included

 private:
  enum class Step : uint8_t { kOk, kFail };
  Outcome stop(Step step) const;
  void skip_white();
  bool at_end() const { return at_ >= text_.size(); }
  Step wrong(const char* context);
  Step wrong_within(const char* context);
  Step scalar();
  Step string();
  Step unicode_escape();
  Step number();
  Step digits(const char* context);
  Step word(Slice expected);
  Step open(char bracket);
  Step begin_value();
  Step key();
  Step close_or_continue();
  Step scan();

  Slice text_;
  size_t at_ = 0;
  Slice value_;
  std::string open_;  // the closing brackets that are awaited
  bool wants_value_ = true;
  std::string error_;
  std::string cut_error_ = "unexpected end of JSON input";
};

}  // namespace petrel::jetstream
