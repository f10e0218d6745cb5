#pragma once
// SHA256_CTX is called deprecated by OpenSSL 3, which has nothing else whose state can be noted.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
