#include "net/http_message.h"

#include <algorithm>
#include <array>

namespace petrel::net {
namespace {

std::string http_date(std::time_t now) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> rest{};
  std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &utc);
  std::array<char, 4> day{};
  std::strftime(day.data(), day.size(), "%d", &utc);
  return std::string(kDays[static_cast<size_t>(utc.tm_wday)]) + ", " + day.data() + " " +
         kMonths[static_cast<size_t>(utc.tm_mon)] + rest.data();
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string status_line(unsigned version, unsigned status) {
  return std::string(version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ") + std::to_string(status) + " " +
         std::string(http_status_text(status));
}

}  // namespace

std::string_view HttpRequest::param(std::string_view name) const {
  const auto found = std::find_if(params.begin(), params.end(),
                                  [name](const auto& param) { return param.first == name; });
  return found == params.end() ? std::string_view() : found->second;
}

HttpResponse http_not_found() {
  return {.status = 404,
          .content_type = "text/plain; charset=utf-8",
          .headers = {{"X-Content-Type-Options", "nosniff"}},
          .body = "404 page not found\n"};
}

HttpResponse http_redirect(std::string_view method, const std::string& location) {
  HttpResponse response{.status = 307, .headers = {{"Location", location}}};
  if (method != "GET" && method != "HEAD") return response;
  response.content_type = "text/html; charset=utf-8";
  response.body = "<a href=\"" + escape_html(location) + "\">Temporary Redirect</a>.\n\n";
  return response;
}

std::string serialize_response(HttpResponse response, const HttpFraming& framing) {
  auto headers = std::move(response.headers);
  if (!response.content_type.empty())
    headers.emplace_back("Content-Type", std::move(response.content_type));
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out = status_line(framing.version, response.status) + "\r\n";
  for (const auto& [name, value] : headers)
    out.append(name).append(": ").append(value).append("\r\n");
  out.append("Date: " + http_date(framing.now) + "\r\n");
  out.append("Content-Length: " + std::to_string(response.body.size()) + "\r\n");
  if (framing.version == 10 && framing.keep_alive) out.append("Connection: keep-alive\r\n");
  if (framing.version != 10 && !framing.keep_alive) out.append("Connection: close\r\n");
  out.append("\r\n");
  if (!framing.is_head) out.append(response.body);
  return out;
}

std::string serialize_refusal(unsigned status, std::string_view reason) {
  std::string text = std::to_string(status) + " " + std::string(http_status_text(status));
  if (!reason.empty()) text.append(": ").append(reason);
  return "HTTP/1.1 " + text +
         "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" + text;
}

std::string_view http_status_text(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Request Entity Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "status code";
  }
}

}  // namespace petrel::net
