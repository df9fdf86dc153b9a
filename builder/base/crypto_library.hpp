// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "builder/base/lazy_library.hpp"

namespace imgforge {

/// Include this in place of OpenSSL's headers: the library is loaded by the first call (LazyFunction).
inline constinit const LazyLibrary crypto_library{"libcrypto.so.3", "libssl3",
                                                  "A checksum, signature or key"};

IMGFORGE_LAZY(crypto_library, BIO_ctrl);
IMGFORGE_LAZY(crypto_library, BIO_free);
IMGFORGE_LAZY(crypto_library, BIO_new);
IMGFORGE_LAZY(crypto_library, BIO_new_mem_buf);
IMGFORGE_LAZY(crypto_library, BIO_s_mem);
IMGFORGE_LAZY(crypto_library, BN_bn2bin);
IMGFORGE_LAZY(crypto_library, BN_free);
IMGFORGE_LAZY(crypto_library, BN_num_bits);
IMGFORGE_LAZY(crypto_library, EVP_DecodeBlock);
IMGFORGE_LAZY(crypto_library, EVP_Digest);
IMGFORGE_LAZY(crypto_library, EVP_DigestFinal_ex);
IMGFORGE_LAZY(crypto_library, EVP_DigestInit_ex);
IMGFORGE_LAZY(crypto_library, EVP_DigestSign);
IMGFORGE_LAZY(crypto_library, EVP_DigestSignInit);
IMGFORGE_LAZY(crypto_library, EVP_DigestUpdate);
IMGFORGE_LAZY(crypto_library, EVP_DigestVerify);
IMGFORGE_LAZY(crypto_library, EVP_DigestVerifyInit);
IMGFORGE_LAZY(crypto_library, EVP_EncodeBlock);
IMGFORGE_LAZY(crypto_library, EVP_MD_CTX_free);
IMGFORGE_LAZY(crypto_library, EVP_MD_CTX_new);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_CTX_free);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_CTX_new_id);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_Q_keygen);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_free);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_get_base_id);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_get_bn_param);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_get_octet_string_param);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_get_raw_private_key);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_get_raw_public_key);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_keygen);
IMGFORGE_LAZY(crypto_library, EVP_PKEY_keygen_init);
IMGFORGE_LAZY(crypto_library, EVP_get_digestbyname);
IMGFORGE_LAZY(crypto_library, EVP_sha256);
IMGFORGE_LAZY(crypto_library, EVP_sha512);
IMGFORGE_LAZY(crypto_library, HMAC);
IMGFORGE_LAZY(crypto_library, OPENSSL_cleanse);
IMGFORGE_LAZY(crypto_library, PEM_read_bio_PUBKEY);
IMGFORGE_LAZY(crypto_library, PEM_read_bio_PrivateKey);
IMGFORGE_LAZY(crypto_library, PEM_write_bio_PUBKEY);
IMGFORGE_LAZY(crypto_library, PEM_write_bio_PrivateKey);
IMGFORGE_LAZY(crypto_library, i2d_PUBKEY_bio);

}  // namespace imgforge
