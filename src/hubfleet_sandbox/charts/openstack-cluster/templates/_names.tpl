{{- define "cluster.part" -}}
{{- printf "%s-%s" (index . 0).Release.Name (index . 1) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "cluster.selector" -}}
capi.stackhpc.com/cluster: {{ .Release.Name }}
{{- end -}}

{{- define "cluster.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
capi.stackhpc.com/managed-by: {{ .Release.Service }}
capi.stackhpc.com/infrastructure-provider: openstack
{{ include "cluster.selector" . }}
{{- end -}}

{{/* What tells the machines of a node group from others; called with the root and the group's name. */}}
{{- define "cluster.group" -}}
{{ include "cluster.selector" (index . 0) }}
capi.stackhpc.com/component: worker
capi.stackhpc.com/node-group: {{ index . 1 }}
{{- end -}}

{{/* A machine's specification; called with the root, a flavor and a root volume. */}}
{{- define "cluster.machine" -}}
{{- $root := index . 0 -}}
template:
  spec:
    identityRef:
      name: {{ $root.Values.cloudCredentialsSecretName }}
      cloudName: openstack
    flavor: {{ index . 1 | required "a machine needs a flavor" }}
    image:
      id: {{ $root.Values.machineImageId | required "machines need an image: set machineImageId" }}
    {{- with $root.Values.machineSSHKeyName }}
    sshKeyName: {{ . }}
    {{- end }}
    {{- with index . 2 }}
    {{- if .diskSize }}
    rootVolume:
      sizeGiB: {{ .diskSize }}
      {{- with .volumeType }}
      type: {{ . }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* How a node of the group joins: the one label that Magnum's driver lets reach it, and what nodeLabels adds. */}}
{{- define "cluster.join" -}}
{{- $group := index . 1 -}}
{{- $labels := dict "capi.stackhpc.com/node-group" $group.name | merge (deepCopy $group.nodeLabels) -}}
{{- $pairs := list -}}
{{- range $name := keys $labels | sortAlpha -}}
{{- $pairs = append $pairs (printf "%s=%s" $name (get $labels $name)) -}}
{{- end -}}
template:
  spec:
    joinConfiguration:
      nodeRegistration:
        kubeletExtraArgs:
          cloud-provider: external
          node-labels: {{ join "," $pairs | quote }}
{{- end -}}

{{/* Templates cannot be changed: a new specification is a new object, named by its digest, and new machines. */}}
{{- define "cluster.digest" -}}
{{- sha256sum . | trunc 8 -}}
{{- end -}}
