/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The names on the wire between tesserad and tessera-oidc; org.tessera.Oidc1.xml says what they mean. */

#define OIDC_SOCKET "/run/tessera-oidc/socket"
#define OIDC_OBJECT_PATH "/org/tessera/Oidc1"
#define OIDC_INTERFACE "org.tessera.Oidc1"

#define OIDC_ERROR_PREFIX "org.tessera.Oidc1.Error."
#define OIDC_ERROR_INVALID OIDC_ERROR_PREFIX "InvalidArgument"
#define OIDC_ERROR_NOT_FOUND OIDC_ERROR_PREFIX "NotFound"
#define OIDC_ERROR_CONFIGURATION OIDC_ERROR_PREFIX "Configuration"
#define OIDC_ERROR_BUSY OIDC_ERROR_PREFIX "Busy"
#define OIDC_ERROR_PROVIDER OIDC_ERROR_PREFIX "Provider"
