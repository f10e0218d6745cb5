// SPDX-License-Identifier: Apache-2.0
// libcurl's variadic calls as plain functions, one for each kind of argument: Swift cannot call
// variadic C, and a typed call cannot pass the wrong width.

#pragma once

#include <curl/curl.h>

/// Takes bytes of a body or a header line; returns how many it took, or CURL_WRITEFUNC_PAUSE. A function that
/// gives bytes to be sent has the same form.
typedef size_t (*ccurl_receiver)(char *bytes, size_t size, size_t count, void *context);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode ccurl_set_receiver(CURL *handle, CURLoption option, ccurl_receiver value);

CURLMcode ccurl_multi_set_long(CURLM *handle, CURLMoption option, long value);

/// The result of the finished transfer that a message tells of.
CURLcode ccurl_message_result(const CURLMsg *message);
