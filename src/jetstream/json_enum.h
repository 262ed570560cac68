// Enumerations in JSON: their texts, and Go's texts for what is none of them.
#pragma once

#include "petrel/base/go_quote.h"
#include "petrel/jetstream/json_decoder.h"

#include <span>
#include <string>

namespace petrel::jetstream {

template <typename E>
struct EnumText {
  Slice literal;  // with its quotes
  E value;
};

template <typename E>
bool find_enum(Slice literal, std::span<const EnumText<E>> texts, E& out) {
  for (const EnumText<E>& text : texts) {
    if (text.literal != literal) continue;
    out = text.value;
    return true;
  }
  return false;
}

// "can not unmarshal "\"x\"""
template <typename E>
void read_enum(JsonDecoder& decoder, E& out, Slice value, std::span<const EnumText<E>> texts) {
  if (!find_enum(value, texts, out)) decoder.fail("can not unmarshal " + go_quote(value));
}

// `what`: "unknown priority policy: ", followed by the value as it stands.
template <typename E>
void read_named_enum(JsonDecoder& decoder, E& out, Slice value, std::span<const EnumText<E>> texts,
                     Slice what) {
  if (!find_enum(value, texts, out)) decoder.fail(std::string(what) + std::string(value));
}

}  // namespace petrel::jetstream
